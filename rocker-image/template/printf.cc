#include "rocker-image/template/printf.hh"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "rocker-image/template/lex.hh"
#include "spec/support/str.hh"

namespace rocker::templates {

namespace {

// One "%-8.3f".
struct Verb {
  bool left = false, plus = false, zero = false, blank = false;
  int width = 0, precision = -1;
  char letter = 'v';
};

std::string misfit(const Verb& verb, const Value& value) {
  return cat("%!", verb.letter, "(", value.type(), "=", value.shown(), ")");
}

std::string integer_text(const Verb& verb, std::int64_t number) {
  const bool negative = number < 0;
  auto rest = negative ? 0 - static_cast<std::uint64_t>(number) : static_cast<std::uint64_t>(number);
  const unsigned base = verb.letter == 'b'            ? 2
                        : verb.letter == 'o'          ? 8
                        : (verb.letter | 0x20) == 'x' ? 16
                                                      : 10;
  const char* digits = verb.letter == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
  std::string out;
  do {
    out += digits[rest % base];
    rest /= base;
  } while (rest != 0);
  while (std::cmp_less(out.size(), verb.precision)) out += '0';
  // Zeros for the width stand behind the sign.
  const std::string_view sign = negative ? "-" : verb.plus ? "+" : verb.blank ? " " : "";
  while (verb.zero && !verb.left && std::cmp_less(out.size() + sign.size(), verb.width)) out += '0';
  std::reverse(out.begin(), out.end());
  return cat(sign, out);
}

std::string real_text(const Verb& verb, double number) {
  const std::string format = cat("%", verb.plus ? "+" : "", verb.blank ? " " : "",
                                 verb.zero && !verb.left ? "0" : "", "*.*", std::string(1, verb.letter));
  char text[2500];
  std::snprintf(text, sizeof text, format.c_str(), verb.zero ? verb.width : 0,
                verb.precision < 0 ? 6 : verb.precision, number);
  return text;
}

std::string hex_of(const std::string& text, char letter) {
  std::string out;
  const Verb two{.zero = true, .width = 2, .letter = letter};
  for (const char c : text) out += integer_text(two, static_cast<unsigned char>(c));
  return out;
}

std::string text_of(const Verb& verb, const Value& value);

std::string list_text(const Verb& verb, const Value::List& list) {
  std::string out;
  for (const auto& element : list) out += cat(out.empty() ? "" : " ", text_of(verb, element));
  return cat("[", out, "]");
}

std::string text_of(const Verb& verb, const Value& value) {
  if (const auto* list = value.list()) return list_text(verb, *list);
  if (verb.letter == 'v') {
    if (value.integer() != nullptr)
      return integer_text({verb.left, verb.plus, verb.zero, verb.blank, verb.width, -1, 'd'},
                          *value.integer());
    return value.inner();
  }
  if (value.is_nothing()) return cat("%!", verb.letter, "(<nil>)");
  if (const auto* text = value.string()) {
    const std::string cut =
        verb.precision < 0 ? *text : text->substr(0, static_cast<std::size_t>(verb.precision));
    if (verb.letter == 's') return cut;
    if (verb.letter == 'q') return json::quote(cut);
    if (verb.letter == 'x' || verb.letter == 'X') return hex_of(cut, verb.letter);
  } else if (const auto* number = value.integer()) {
    if (std::string_view("dxXob").find(verb.letter) != std::string_view::npos)
      return integer_text(verb, *number);
    if (verb.letter == 'c') return std::string(1, static_cast<char>(*number));
  } else if (const auto* real = value.real()) {
    if (std::string_view("efgEG").find(verb.letter) != std::string_view::npos) return real_text(verb, *real);
  } else if (value.flag() != nullptr) {
    if (verb.letter == 't') return value.shown();
  } else if (verb.letter == 's') {
    return value.shown();
  }
  return misfit(verb, value);
}

std::string padded(const Verb& verb, std::string text) {
  const auto width = std::count_if(text.begin(), text.end(),
                                   [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
  if (width >= verb.width) return text;
  const std::string blanks(static_cast<std::size_t>(verb.width - width), ' ');
  return verb.left ? text + blanks : blanks + text;
}

int number_at(std::string_view format, std::size_t& at) {
  constexpr int most = 1000;
  int out = 0;
  for (; at < format.size() && format[at] >= '0' && format[at] <= '9'; ++at) {
    out = out * 10 + (format[at] - '0');
    if (out > most) throw bad_template(cat("printf: a width of more than ", most));
  }
  return out;
}

// `at` is behind the "%" and comes to stand behind the letter.
Verb verb_at(std::string_view format, std::size_t& at) {
  Verb verb;
  for (; at < format.size(); ++at) {
    if (format[at] == '-') {
      verb.left = true;
    } else if (format[at] == '+') {
      verb.plus = true;
    } else if (format[at] == '0') {
      verb.zero = true;
    } else if (format[at] == ' ') {
      verb.blank = true;
    } else {
      break;
    }
  }
  verb.width = number_at(format, at);
  if (at < format.size() && format[at] == '.') verb.precision = number_at(format, ++at);
  if (at == format.size()) throw bad_template("printf: \"%\" stands at the end");
  verb.letter = format[at++];
  if (std::string_view("svqdxXobctefgEG%").find(verb.letter) == std::string_view::npos)
    throw bad_template(
        cat("printf: \"%", printable(std::string_view(&verb.letter, 1)), "\" is not supported"));
  return verb;
}

}  // namespace

std::string formatted(std::string_view format, std::span<const Value> arguments) {
  std::string out;
  std::size_t used = 0;
  for (std::size_t at = 0; at < format.size();) {
    if (format[at] != '%') {
      out += format[at++];
      continue;
    }
    const Verb verb = verb_at(format, ++at);
    if (verb.letter == '%') {
      out += '%';
    } else if (used == arguments.size()) {
      out += cat("%!", verb.letter, "(MISSING)");
    } else {
      out += padded(verb, text_of(verb, arguments[used++]));
    }
  }
  if (used == arguments.size()) return out;
  std::string extra;
  for (const auto& value : arguments.subspan(used))
    extra +=
        cat(extra.empty() ? "" : ", ", value.is_nothing() ? "<nil>" : cat(value.type(), "=", value.shown()));
  return cat(out, "%!(EXTRA ", extra, ")");
}

}  // namespace rocker::templates
