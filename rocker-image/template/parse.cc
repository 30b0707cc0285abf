#include "rocker-image/template/parse.hh"

#include <algorithm>

#include "rocker-image/template/lex.hh"
#include "spec/support/str.hh"

namespace rocker::templates {

namespace {

class Parser {
 public:
  explicit Parser(std::string_view text) : tokens_(tokens_of(text)) {}

  std::vector<Node> run() {
    std::vector<Node> nodes;
    if (const std::string end = list(nodes); !end.empty())
      throw bad_template(cat("{{", end, "}} without {{range}}, {{if}} or {{with}}"));
    return nodes;
  }

 private:
  bool at_end() const { return at_ == tokens_.size(); }
  const Token& token() const { return tokens_[at_]; }
  bool at(Token::Kind kind) const { return !at_end() && token().kind == kind; }
  bool at_symbol(std::string_view text) const { return at(Token::Kind::symbol) && token().text == text; }
  bool at_word(std::string_view text) const { return at(Token::Kind::word) && token().text == text; }

  void close() {
    if (!at(Token::Kind::end)) throw bad_template(cat("unexpected \"", printable(token().text), "\""));
    ++at_;
  }

  // Nodes up to the end of the text, or to {{end}} or {{else}}: the answer says which, and what is behind the
  // "else" is not read yet.
  std::string list(std::vector<Node>& nodes) {
    // Deeper than anybody writes, and not so deep that the stack ends.
    constexpr int deepest = 100;
    if (++depth_ > deepest) throw bad_template(cat("nested deeper than ", deepest, " levels"));
    std::string end;
    while (!at_end() && end.empty()) {
      if (at(Token::Kind::text)) {
        nodes.push_back({Node::Kind::text, token().text, {}, {}, {}});
        ++at_;
        continue;
      }
      ++at_;
      if (at_word("end") || at_word("else")) {
        end = token().text;
        ++at_;
        if (end == "end") close();
      } else {
        nodes.push_back(action());
      }
    }
    --depth_;
    return end;
  }

  Node action() {
    constexpr std::pair<std::string_view, Node::Kind> blocks[] = {
        {"if", Node::Kind::when}, {"range", Node::Kind::range}, {"with", Node::Kind::with}};
    for (const auto& [word, kind] : blocks) {
      if (!at_word(word)) continue;
      ++at_;
      return block(kind, std::string(word));
    }
    for (const std::string_view word : {"define", "template", "block"}) {
      if (at_word(word))
        throw bad_template(cat("{{", word, "}} is not supported")).hint("write its text in place");
    }
    for (const std::string_view word : {"break", "continue"}) {
      if (!at_word(word)) continue;
      if (ranges_ == 0) throw bad_template(cat("{{", word, "}} outside of {{range}}"));
      ++at_;
      close();
      return {word == "break" ? Node::Kind::leave : Node::Kind::next, {}, {}, {}, {}};
    }
    Node node{Node::Kind::action, {}, pipeline(1), {}, {}};
    close();
    return node;
  }

  Node block(Node::Kind kind, const std::string& word) {
    Node node{kind, {}, pipeline(kind == Node::Kind::range ? 2 : 1), {}, {}};
    close();
    ranges_ += kind == Node::Kind::range ? 1 : 0;
    std::string end = list(node.body);
    ranges_ -= kind == Node::Kind::range ? 1 : 0;
    if (end == "else") {
      // {{else if X}} is an {{if X}} inside, which the same {{end}} closes.
      if (kind != Node::Kind::range && at_word(word)) {
        ++at_;
        node.otherwise.push_back(block(kind, word));
        return node;
      }
      close();
      end = list(node.otherwise);
      if (end == "else") throw bad_template(cat("{{", word, "}} has two {{else}}"));
    }
    if (end != "end") throw bad_template(cat("{{", word, "}} has no {{end}}"));
    return node;
  }

  // `most`: how many variables may stand before ":=".
  Pipeline pipeline(std::size_t most) {
    Pipeline out;
    const auto before = at_;
    while (at(Token::Kind::variable)) {
      out.variables.push_back(token().text);
      ++at_;
      if (!at_symbol(",")) break;
      ++at_;
    }
    if (!out.variables.empty() && (at_symbol(":=") || at_symbol("="))) {
      if (out.variables.size() > most) throw bad_template("too many variables");
      out.declares = token().text == ":=";
      ++at_;
    } else {
      out.variables.clear();
      at_ = before;
    }
    out.commands.push_back(command());
    while (at_symbol("|")) {
      ++at_;
      out.commands.push_back(command());
      if (const auto kind = out.commands.back().front().kind;
          kind != Operand::Kind::function && out.commands.back().front().fields.empty())
        throw bad_template("behind \"|\" stands no function");
    }
    return out;
  }

  Command command() {
    Command out;
    while (!at_end() && !at(Token::Kind::end) && !at_symbol("|") && !at_symbol(")"))
      out.push_back(operand(out.empty()));
    if (out.empty()) throw bad_template("an expression is missing");
    return out;
  }

  Operand operand(bool first) {
    if (!first && !token().spaced && !at_symbol("("))
      throw bad_template(cat("a blank is missing before \"", printable(token().text), "\""));
    Operand out;
    const Token& word = token();
    switch (word.kind) {
      case Token::Kind::dot: break;
      case Token::Kind::field: out.fields.push_back(word.text); break;
      case Token::Kind::variable:
        out.kind = Operand::Kind::variable;
        out.variable = word.text;
        break;
      case Token::Kind::literal:
        out.kind = Operand::Kind::literal;
        out.literal = word.value;
        break;
      case Token::Kind::word: named(word.text, out); break;
      default:
        if (word.text != "(") throw bad_template(cat("unexpected \"", printable(word.text), "\""));
        ++at_;
        if (++depth_ > 100) throw bad_template("too many parentheses");
        out.kind = Operand::Kind::pipeline;
        out.inner = std::make_shared<const Pipeline>(pipeline(0));
        --depth_;
        if (!at_symbol(")")) throw bad_template("\"(\" has no \")\"");
    }
    ++at_;
    while (at(Token::Kind::field) && !token().spaced) {
      out.fields.push_back(token().text);
      ++at_;
    }
    return out;
  }

  static void named(const std::string& word, Operand& out) {
    if (word == "true" || word == "false" || word == "nil") {
      out.kind = Operand::Kind::literal;
      if (word != "nil") out.literal = Value(word == "true");
      return;
    }
    out.kind = Operand::Kind::function;
    out.function = find_function(word);
    if (out.function != nullptr) return;
    for (const std::string_view lacking : {"call", "html", "js", "urlquery"}) {
      if (word == lacking) throw bad_template(cat("the function \"", word, "\" is not supported"));
    }
    throw bad_template(cat("unknown function \"", printable(word), "\""))
        .hint(cat("there is ", function_names(), "; a field begins with a dot"));
  }

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int depth_ = 0, ranges_ = 0;
};

}  // namespace

std::vector<Node> parse(std::string_view text) {
  return Parser(text).run();
}

}  // namespace rocker::templates
