#include "rocker-image/template/functions.hh"

#include <algorithm>
#include <cctype>
#include <functional>

#include "rocker-image/template/lex.hh"
#include "rocker-image/template/printf.hh"
#include "spec/support/str.hh"
#include "spec/support/utf8.hh"

namespace rocker::templates {

namespace {

using Arguments = std::span<const Value>;

constexpr std::size_t any_number = 1000;

Error wrong(std::string_view function, std::string_view expected, const Value& found) {
  return bad_template(
      cat(function, ": expected ", expected, ", found ", found.type(), " ", printable(found.shown(), 80)));
}

const std::string& text(std::string_view function, const Value& value) {
  if (value.string() == nullptr) throw wrong(function, "a string", value);
  return *value.string();
}

std::int64_t number(std::string_view function, const Value& value) {
  if (value.integer() == nullptr) throw wrong(function, "an integer", value);
  return *value.integer();
}

template <int (*change)(int)>
std::string changed(std::string out) {
  for (char& c : out) c = static_cast<char>(change(static_cast<unsigned char>(c)));
  return out;
}

Value to_json(Arguments a) {
  return Value(terminal_json(a[0].json()));
}

Value upper(Arguments a) {
  return Value(changed<std::toupper>(text("upper", a[0])));
}
Value lower(Arguments a) {
  return Value(changed<std::tolower>(text("lower", a[0])));
}

// The first letter of every word.
Value title(Arguments a) {
  std::string out = text("title", a[0]);
  bool inside = false;
  for (char& c : out) {
    const auto byte = static_cast<unsigned char>(c);
    if (!inside) c = static_cast<char>(std::toupper(byte));
    inside = std::isalnum(byte) != 0 || c == '_' || c == '\'' || byte >= 0x80;
  }
  return Value(out);
}

Value join_list(Arguments a) {
  if (a[0].is_nothing()) return Value(std::string());
  if (a[0].list() == nullptr) throw wrong("join", "a list", a[0]);
  std::vector<std::string> parts;
  for (const auto& element : *a[0].list()) parts.push_back(element.shown());
  return Value(join(parts, text("join", a[1])));
}

Value split_text(Arguments a) {
  const std::string& whole = text("split", a[0]);
  const std::string& separator = text("split", a[1]);
  Value::List out;
  std::size_t from = 0;
  for (;;) {
    // Without a separator every character is a part.
    const auto next = separator.empty() ? from + 1 : whole.find(separator, from);
    if (next >= whole.size()) break;
    out.emplace_back(whole.substr(from, next - from));
    from = next + separator.size();
  }
  out.emplace_back(whole.substr(from));
  return Value(std::move(out));
}

Value truncate(Arguments a) {
  const std::string& whole = text("truncate", a[0]);
  const auto most = number("truncate", a[1]);
  if (most < 0) throw wrong("truncate", "a length", a[1]);
  return Value(whole.substr(0, static_cast<std::size_t>(most)));
}

// pad TEXT BEFORE AFTER: with that many blanks, when there is a text.
Value pad(Arguments a) {
  const std::string& whole = text("pad", a[0]);
  const auto before = number("pad", a[1]), after = number("pad", a[2]);
  if (before < 0 || after < 0 || before > 1000 || after > 1000) throw bad_template("pad: expected 0 to 1000");
  if (whole.empty()) return a[0];
  return Value(cat(std::string(static_cast<std::size_t>(before), ' '), whole,
                   std::string(static_cast<std::size_t>(after), ' ')));
}

Value len(Arguments a) {
  std::size_t size = 0;
  if (const auto* whole = a[0].string()) {
    size = whole->size();
  } else if (const auto* list = a[0].list()) {
    size = list->size();
  } else if (a[0].object() != nullptr) {
    size = a[0].members().size();
  } else if (!a[0].is_nothing()) {
    throw wrong("len", "a string, a list or an object", a[0]);
  }
  return Value(static_cast<std::int64_t>(size));
}

Value index(Arguments a) {
  Value here = a[0];
  for (const auto& key : a.subspan(1)) here = index_of(here, key);
  return here;
}

Value slice(Arguments a) {
  const auto* whole = a[0].string();
  const auto* list = a[0].list();
  if (whole == nullptr && list == nullptr) throw wrong("slice", "a string or a list", a[0]);
  const auto size = static_cast<std::int64_t>(whole != nullptr ? whole->size() : list->size());
  const auto from = a.size() > 1 ? number("slice", a[1]) : 0,
             to = a.size() > 2 ? number("slice", a[2]) : size;
  if (from < 0 || to > size || from > to)
    throw bad_template(cat("slice: ", from, " to ", to, " is out of range, the length is ", size));
  if (whole != nullptr)
    return Value(whole->substr(static_cast<std::size_t>(from), static_cast<std::size_t>(to - from)));
  return Value(Value::List(list->begin() + from, list->begin() + to));
}

Value print(Arguments a) {
  std::string out;
  // Go puts a blank between two that are both no strings.
  for (std::size_t i = 0; i < a.size(); ++i) {
    const bool apart = i > 0 && a[i].string() == nullptr && a[i - 1].string() == nullptr;
    out += cat(apart ? " " : "", a[i].inner());
  }
  return Value(out);
}

Value println(Arguments a) {
  std::vector<std::string> parts;
  for (const auto& value : a) parts.push_back(value.inner());
  return Value(join(parts, " ") + "\n");
}

Value printf(Arguments a) {
  return Value(formatted(text("printf", a[0]), a.subspan(1)));
}

Value negated(Arguments a) {
  return Value(!a[0].truth());
}

// Never called: the evaluator stops at the argument that decides.
Value decided(Arguments a) {
  return a.back();
}

// Less than zero, zero, more than zero. Throws when one can't be held against the other.
int compare(std::string_view function, const Value& a, const Value& b) {
  const auto sign = [](const auto& x, const auto& y) { return x < y ? -1 : (y < x ? 1 : 0); };
  const auto real = [](const Value& v) {
    return v.real() != nullptr ? *v.real() : static_cast<double>(*v.integer());
  };
  const auto is_number = [](const Value& v) { return v.integer() != nullptr || v.real() != nullptr; };
  if (a.string() != nullptr && b.string() != nullptr) return sign(*a.string(), *b.string());
  if (a.integer() != nullptr && b.integer() != nullptr) return sign(*a.integer(), *b.integer());
  if (is_number(a) && is_number(b)) return sign(real(a), real(b));
  throw bad_template(cat(function, ": ", a.type(), " and ", b.type(), " can't be compared"));
}

bool equal(std::string_view function, const Value& a, const Value& b) {
  if (a.is_nothing() || b.is_nothing()) return a.is_nothing() && b.is_nothing();
  if (a.flag() != nullptr && b.flag() != nullptr) return *a.flag() == *b.flag();
  return compare(function, a, b) == 0;
}

// eq A B...: whether A is one of them.
Value eq(Arguments a) {
  return Value(
      std::any_of(a.begin() + 1, a.end(), [&](const Value& other) { return equal("eq", a[0], other); }));
}
Value ne(Arguments a) {
  return Value(!equal("ne", a[0], a[1]));
}
Value lt(Arguments a) {
  return Value(compare("lt", a[0], a[1]) < 0);
}
Value le(Arguments a) {
  return Value(compare("le", a[0], a[1]) <= 0);
}
Value gt(Arguments a) {
  return Value(compare("gt", a[0], a[1]) > 0);
}
Value ge(Arguments a) {
  return Value(compare("ge", a[0], a[1]) >= 0);
}

constexpr Function functions[] = {
    {"json", 1, 1, to_json, true},
    {"join", 2, 2, join_list},
    {"split", 2, 2, split_text},
    {"upper", 1, 1, upper, true},
    {"lower", 1, 1, lower, true},
    {"title", 1, 1, title, true},
    {"pad", 3, 3, pad},
    {"truncate", 2, 2, truncate, true},
    {"len", 1, 1, len},
    {"index", 1, any_number, index},
    {"slice", 1, 3, slice},
    {"print", 0, any_number, print},
    {"printf", 1, any_number, printf},
    {"println", 0, any_number, println},
    {"and", 1, any_number, decided},
    {"or", 1, any_number, decided},
    {"not", 1, 1, negated},
    {"eq", 2, any_number, eq},
    {"ne", 2, 2, ne},
    {"lt", 2, 2, lt},
    {"le", 2, 2, le},
    {"gt", 2, 2, gt},
    {"ge", 2, 2, ge},
};

}  // namespace

const Function* find_function(std::string_view name) {
  const auto* found = std::find_if(std::begin(functions), std::end(functions),
                                   [&](const Function& function) { return function.name == name; });
  return found == std::end(functions) ? nullptr : found;
}

bool is_and(const Function& function) {
  return function.name == "and";
}
bool is_or(const Function& function) {
  return function.name == "or";
}

std::string function_names() {
  std::vector<std::string> names;
  for (const auto& function : functions) names.emplace_back(function.name);
  return join(names, ", ");
}

Value index_of(const Value& holder, const Value& key) {
  if (const auto* object = holder.object()) {
    const std::string& name = text("index", key);
    if (const auto member = object->find(name)) return Value(*member);
    // The zero of what a Go map holds: docker's maps of strings, labels above all, have an empty one.
    bool strings = !object->has(name);
    object->each_member(
        [&](const std::string&, const json::Value& member) { strings &= member.is_string(); });
    return strings ? Value(std::string()) : Value();
  }
  const auto* list = holder.list();
  if (list == nullptr) {
    if (holder.is_nothing())
      throw bad_template(cat("index: nothing is there to have ", printable(key.shown())));
    throw wrong("index", "a list or an object", holder);
  }
  const auto at = number("index", key);
  if (at < 0 || static_cast<std::uint64_t>(at) >= list->size())
    throw bad_template(cat("index: ", at, " is out of range, the list has ", list->size()));
  return (*list)[static_cast<std::size_t>(at)];
}

}  // namespace rocker::templates
