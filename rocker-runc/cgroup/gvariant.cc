#include "rocker-runc/cgroup/gvariant.hh"

#include <cstdlib>
#include <limits>

#include "spec/support/error.hh"
#include "spec/support/str.hh"

namespace rocker::cgroup {

namespace {

struct IntegerType {
  std::string_view name;
  char signature;
  std::int64_t least;
  std::uint64_t most;
};

constexpr IntegerType integer_types[] = {
    {"byte", 'y', 0, UINT8_MAX},    {"int16", 'n', INT16_MIN, INT16_MAX},
    {"uint16", 'q', 0, UINT16_MAX}, {"int32", 'i', INT32_MIN, INT32_MAX},
    {"uint32", 'u', 0, UINT32_MAX}, {"int64", 'x', INT64_MIN, INT64_MAX},
    {"uint64", 't', 0, UINT64_MAX},
};

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Variant whole() {
    Variant value = parse("", 0);
    blanks();
    if (at_ != text_.size()) fail("expected the end");
    return value;
  }

 private:
  static constexpr int most_levels = 16;

  [[noreturn]] void fail(std::string_view expected) const {
    throw Error(
        cat("\"", printable(text_), "\" is no value in GVariant's text format: at ", at_, ", ", expected));
  }

  void blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n')) ++at_;
  }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) {
    blanks();
    if (peek() != c) return false;
    ++at_;
    return true;
  }

  std::string_view word() {
    const auto start = at_;
    while (at_ < text_.size() &&
           text_.substr(at_, 1).find_first_of(" \t\n,[]()'\"") == std::string_view::npos)
      ++at_;
    return text_.substr(start, at_ - start);
  }

  // `expected`: the signature that is known from an annotation; empty when it is not.
  Variant parse(std::string_view expected, int level) {
    if (level > most_levels) fail("nested too deeply");
    blanks();
    switch (peek()) {
      case '\0': fail("expected a value");
      case '\'':
      case '"': return string(expected);
      case '[': return array(expected, level);
      case '(': return tuple(expected, level);
      case '@': {
        ++at_;
        const auto start = at_;
        while (at_ < text_.size() && text_[at_] != ' ') ++at_;
        const std::string signature(text_.substr(start, at_ - start));
        if (signature.empty()) fail("expected a type behind @");
        return parse(signature, level);
      }
      default: return plain(expected);
    }
  }

  Variant string(std::string_view expected) {
    if (!expected.empty() && expected != "s" && expected != "o" && expected != "g") {
      fail(cat("expected a value of the type ", expected));
    }
    const char quote = text_[at_++];
    Variant value{.signature = expected.empty() ? "s" : std::string(expected)};
    while (peek() != quote) {
      if (at_ >= text_.size()) fail("expected the closing quote");
      char c = text_[at_++];
      if (c == '\\') {
        if (at_ >= text_.size()) fail("expected a character behind \\");
        c = text_[at_++];
        if (c == 'n')
          c = '\n';
        else if (c == 't')
          c = '\t';
        else if (c != '\\' && c != '\'' && c != '"')
          fail("expected \\\\, \\', \\\", \\n or \\t");
      }
      value.text += c;
    }
    ++at_;
    return value;
  }

  Variant array(std::string_view expected, int level) {
    if (!expected.empty() && expected[0] != 'a') fail(cat("expected a value of the type ", expected));
    ++at_;
    Variant value{.signature = std::string(expected)};
    std::string element(expected.empty() ? "" : expected.substr(1));
    while (!take(']')) {
      if (!value.elements.empty() && !take(',')) fail("expected , or ]");
      value.elements.push_back(parse(element, level + 1));
      if (element.empty()) element = value.elements.back().signature;
    }
    if (element.empty()) fail("expected a type (like @as) in front of an empty array");
    value.signature = cat("a", element);
    return value;
  }

  // The first complete type of a signature.
  static std::string_view first_type(std::string_view signature) {
    std::size_t end = 0;
    while (end < signature.size() && signature[end] == 'a') ++end;
    if (end < signature.size() && signature[end] == '(') {
      int depth = 0;
      do {
        depth += signature[end] == '(' ? 1 : signature[end] == ')' ? -1 : 0;
        ++end;
      } while (depth > 0 && end < signature.size());
      return signature.substr(0, end);
    }
    return signature.substr(0, end + 1);
  }

  Variant tuple(std::string_view expected, int level) {
    if (!expected.empty() && (expected.size() < 2 || expected[0] != '(')) {
      fail(cat("expected a value of the type ", expected));
    }
    ++at_;
    Variant value;
    std::string_view rest = expected.empty() ? "" : expected.substr(1, expected.size() - 2);
    value.signature = "(";
    while (!take(')')) {
      if (!value.elements.empty() && !take(',')) fail("expected , or )");
      if (take(')')) break;  // ('a',)
      const auto type = first_type(rest);
      rest.remove_prefix(type.size());
      value.elements.push_back(parse(type, level + 1));
      value.signature += value.elements.back().signature;
    }
    value.signature += ')';
    if (value.elements.empty() || !rest.empty()) fail("expected more elements");
    return value;
  }

  Variant plain(std::string_view expected) {
    const auto start = at_;
    const auto first = word();
    if (first == "true" || first == "false") {
      if (!expected.empty() && expected != "b") fail(cat("expected a value of the type ", expected));
      return Variant::of(first == "true");
    }
    for (const auto& type : integer_types) {
      if (type.name == first) {
        blanks();
        return number(word(), std::string(1, type.signature));
      }
    }
    for (const auto& [name, signature] :
         {std::pair("string", "s"), std::pair("boolean", "b"), std::pair("double", "d"),
          std::pair("objectpath", "o"), std::pair("signature", "g")}) {
      if (first == name) return parse(signature, 0);
    }
    if (first.empty() || first.find_first_not_of("+-.0123456789abcdefABCDEFx") != first.npos) {
      at_ = start;
      fail("expected a number, true, false, a quoted string, [ or (");
    }
    return number(first, std::string(expected));
  }

  Variant number(std::string_view digits, std::string signature) {
    if (signature.empty()) signature = digits.find('.') != digits.npos ? "d" : "i";
    const std::string copy(digits);
    if (signature == "d") {
      char* end = nullptr;
      Variant value{.signature = "d"};
      value.real = std::strtod(copy.c_str(), &end);
      if (copy.empty() || *end != '\0') fail("expected a number in front of that");
      return value;
    }
    for (const auto& type : integer_types) {
      if (signature != std::string_view(&type.signature, 1)) continue;
      const bool hex = digits.starts_with("0x");
      unsigned long long natural = 0;
      long long integer = 0;
      if (hex ? parse_number(digits.substr(2), natural, 16) : parse_number(digits, natural)) {
        if (natural > type.most) fail(cat("the number in front of that is out of the range of ", type.name));
        return {.signature = signature, .number = natural};
      }
      if (parse_number(digits, integer) && integer >= type.least && integer < 0) {
        return {.signature = signature, .number = static_cast<std::uint64_t>(integer)};
      }
      fail(cat("expected a number of the type ", type.name, " in front of that"));
    }
    fail(cat("expected a value of the type ", signature));
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

Variant Variant::strings(const std::vector<std::string>& values) {
  Variant list{.signature = "as"};
  for (const auto& value : values) list.elements.push_back(of(value));
  return list;
}

Variant Variant::bytes(const std::vector<std::uint8_t>& values) {
  Variant list{.signature = "ay"};
  for (const auto value : values) list.elements.push_back({.signature = "y", .number = value});
  return list;
}

Variant parse_variant(std::string_view text) {
  return Parser(text).whole();
}

}  // namespace rocker::cgroup
