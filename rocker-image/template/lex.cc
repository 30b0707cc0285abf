#include "rocker-image/template/lex.hh"

#include <cmath>
#include <cstdlib>

#include "spec/support/str.hh"

namespace rocker::templates {

namespace {

constexpr std::string_view blanks = " \t\r\n";

bool is_blank(char c) {
  return blanks.find(c) != std::string_view::npos;
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         (static_cast<unsigned char>(c) & 0x80);
}

void append_utf8(std::string& out, unsigned code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | (code >> 6));
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    out += static_cast<char>(0xe0 | (code >> 12));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  }
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  std::vector<Token> run() {
    while (at_ < text_.size()) {
      const auto open = text_.find("{{", at_);
      auto plain = text_.substr(at_, open == std::string_view::npos ? open : open - at_);
      if (trims_) plain.remove_prefix(std::min(plain.find_first_not_of(blanks), plain.size()));
      trims_ = false;
      at_ = open == std::string_view::npos ? text_.size() : open + 2;
      // "{{- " takes the blanks before it away; "{{-3}}" is a number.
      if (rest().size() > 1 && rest()[0] == '-' && is_blank(rest()[1])) {
        plain = plain.substr(0, plain.find_last_not_of(blanks) + 1);
        ++at_;
      }
      if (!plain.empty()) add(Token::Kind::text, plain);
      if (open != std::string_view::npos) action();
    }
    return std::move(tokens_);
  }

 private:
  std::string_view rest() const { return text_.substr(at_); }

  void add(Token::Kind kind, std::string_view text, Value value = {}) {
    tokens_.push_back({kind, std::string(text), std::move(value), spaced_});
    spaced_ = false;
  }

  bool skip_blanks() {
    const auto from = at_;
    at_ = std::min(text_.find_first_not_of(blanks, at_), text_.size());
    return at_ > from;
  }

  // Whether the action ends here; it is passed then.
  bool closed() {
    if (rest().starts_with("}}")) {
      at_ += 2;
      return true;
    }
    if (spaced_ && rest().starts_with("-}}")) {
      at_ += 3;
      trims_ = true;
      return true;
    }
    return false;
  }

  void action() {
    spaced_ = skip_blanks();
    if (rest().starts_with("/*")) {
      const auto end = text_.find("*/", at_);
      if (end == std::string_view::npos) throw bad_template("a comment has no \"*/\"");
      at_ = end + 2;
      spaced_ = skip_blanks();
      if (!closed()) throw bad_template("a comment has to fill its braces: {{/* ... */}}");
      spaced_ = false;
      return;
    }
    add(Token::Kind::begin, "{{");
    for (;;) {
      spaced_ = skip_blanks();
      if (at_ == text_.size()) throw bad_template("\"{{\" has no \"}}\"");
      if (closed()) break;
      token();
    }
    add(Token::Kind::end, "}}");
  }

  std::string_view name() {
    const auto from = at_;
    while (at_ < text_.size() && (is_letter(text_[at_]) || is_digit(text_[at_]))) ++at_;
    return text_.substr(from, at_ - from);
  }

  void token() {
    const char c = text_[at_];
    const char next = rest().size() > 1 ? rest()[1] : '\0';
    if (c == '"' || c == '`' || c == '\'') {
      quoted(c);
    } else if (is_digit(c) || ((c == '-' || c == '+') && is_digit(next))) {
      number();
    } else if (c == '.') {
      ++at_;
      const auto field = name();
      add(field.empty() ? Token::Kind::dot : Token::Kind::field, field);
    } else if (c == '$') {
      ++at_;
      add(Token::Kind::variable, name());
    } else if (is_letter(c)) {
      add(Token::Kind::word, name());
    } else if (rest().starts_with(":=")) {
      at_ += 2;
      add(Token::Kind::symbol, ":=");
    } else if (std::string_view("()|,=").find(c) != std::string_view::npos) {
      ++at_;
      add(Token::Kind::symbol, std::string_view(&c, 1));
    } else {
      throw bad_template(cat("unexpected \"", printable(std::string_view(&c, 1)), "\""));
    }
  }

  void quoted(char mark) {
    std::string out;
    for (++at_; at_ < text_.size() && text_[at_] != mark; ++at_) {
      if (mark != '`' && text_[at_] == '\n') break;
      if (mark != '`' && text_[at_] == '\\') {
        escape(out);
      } else {
        out += text_[at_];
      }
    }
    if (at_ == text_.size() || text_[at_] != mark) throw bad_template("a quotation mark is missing");
    ++at_;
    if (mark != '\'') {
      add(Token::Kind::literal, out, Value(out));
      return;
    }
    // A character is a number to Go.
    if (out.size() != 1)
      throw bad_template(cat("'", printable(out), "' is not one character")).hint("a string stands in \"\"");
    add(Token::Kind::literal, out, Value(static_cast<std::int64_t>(out[0])));
  }

  // What stands at a backslash, up to its last character.
  void escape(std::string& out) {
    if (++at_ == text_.size()) return;
    constexpr std::string_view letters = "abfnrtv\\\"'", meant = "\a\b\f\n\r\t\v\\\"'";
    const char c = text_[at_];
    if (const auto which = letters.find(c); which != std::string_view::npos) {
      out += meant[which];
      return;
    }
    const std::size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : 0;
    unsigned long long code = 0;
    if (digits == 0 || !parse_number(text_.substr(at_ + 1, digits), code, 16))
      throw bad_template(cat("unknown escape \"\\", printable(std::string_view(&c, 1)), "\" in a string"));
    at_ += digits;
    if (c == 'x') {
      out += static_cast<char>(code);
    } else {
      append_utf8(out, static_cast<unsigned>(code));
    }
  }

  static bool belongs_to_number(char c, char before) {
    const bool sign = (c == '+' || c == '-') && (before == 'e' || before == 'E');
    return is_letter(c) || is_digit(c) || c == '.' || sign;
  }

  void number() {
    const auto from = at_++;
    while (at_ < text_.size() && belongs_to_number(text_[at_], text_[at_ - 1])) ++at_;
    const auto whole_text = text_.substr(from, at_ - from);
    auto text = whole_text;
    if (text.starts_with('+')) text.remove_prefix(1);
    long long whole = 0;
    if (text.starts_with("0x") ? parse_number(text.substr(2), whole, 16) : parse_number(text, whole)) {
      add(Token::Kind::literal, text, Value(static_cast<std::int64_t>(whole)));
      return;
    }
    const std::string copy(text);
    char* end = nullptr;
    const double real = std::strtod(copy.c_str(), &end);
    if (end != copy.c_str() + copy.size() || !std::isfinite(real))
      throw bad_template(cat("\"", printable(whole_text), "\" is not a number"));
    add(Token::Kind::literal, text, Value(real));
  }

  std::string_view text_;
  std::size_t at_ = 0;
  bool spaced_ = false;
  bool trims_ = false;  // "-}}" came last: the blanks behind it go
  std::vector<Token> tokens_;
};

}  // namespace

Error bad_template(std::string_view why) {
  return Error(cat("--format: ", why));
}

std::vector<Token> tokens_of(std::string_view text) {
  return Lexer(text).run();
}

}  // namespace rocker::templates
