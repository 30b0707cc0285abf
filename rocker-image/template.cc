#include "rocker-image/template.hh"

#include <algorithm>
#include <cctype>
#include <optional>

#include "rocker-image/table.hh"
#include "spec/support/error.hh"
#include "spec/support/str.hh"

namespace rocker {

namespace {

// As Go prints a value: strings bare, lists in brackets, objects as map[].
std::string shown(const json::Value& v) {
  if (v.is_string()) return v.as_string();
  if (v.is_array()) {
    std::string out;
    v.each_element([&](const json::Value& element) { out += cat(out.empty() ? "" : " ", shown(element)); });
    return cat("[", out, "]");
  }
  if (v.is_object()) {
    std::string out;
    v.each_member([&](const std::string& name, const json::Value& member) {
      out += cat(out.empty() ? "" : " ", name, ":", shown(member));
    });
    return cat("map[", out, "]");
  }
  return v.text();
}

// A member by its name; docker's fields are Go's, whose letters may be other cases of those in the JSON.
std::optional<json::Value> member_of(const json::Value& object, std::string_view name) {
  if (auto exact = object.find(name)) return exact;
  const auto same = [&](std::string_view other) {
    return std::equal(other.begin(), other.end(), name.begin(), name.end(),
                      [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
  };
  std::optional<json::Value> found;
  object.each_member([&](const std::string& member, const json::Value& value) {
    if (!found && same(member)) found = value;
  });
  return found;
}

class Renderer {
 public:
  Renderer(std::string_view text, const json::Value& root) : text_(text), root_(root) {}

  std::string run() {
    std::string out;
    block(root_, true, out);
    if (at_ < text_.size()) throw bad("{{end}} without {{range}} or {{if}}");
    return out;
  }

 private:
  using Found = std::optional<json::Value>;

  Error bad(std::string_view why) const { return Error(cat("--format: ", why)); }

  // Up to the end of the text, or to {{end}} or {{else}}, which is given back.
  std::string_view block(const json::Value& dot, bool live, std::string& out) {
    while (at_ < text_.size()) {
      const auto open = text_.find("{{", at_);
      const auto plain = text_.substr(at_, open == std::string_view::npos ? open : open - at_);
      if (live) out += plain;
      if (open == std::string_view::npos) {
        at_ = text_.size();
        return {};
      }
      const auto close = text_.find("}}", open);
      if (close == std::string_view::npos) throw bad("\"{{\" has no \"}}\"");
      auto action = text_.substr(open + 2, close - open - 2);
      at_ = close + 2;
      if (action.starts_with('-')) action.remove_prefix(1);
      if (action.ends_with('-')) action.remove_suffix(1);
      const auto words = tokens(trim(action));
      if (words.empty()) throw bad("\"{{}}\" is empty");
      if (words[0] == "end" || words[0] == "else") {
        if (&dot == &root_ && depth_ == 0) {
          throw bad("{{end}} without {{range}} or {{if}}");
        }
        return words[0] == "end" ? "end" : "else";
      }
      if (words[0] == "range" || words[0] == "if") {
        control(words, dot, live, out);
      } else if (live) {
        out += evaluate(words, dot);
      }
    }
    return {};
  }

  void control(const std::vector<std::string>& words, const json::Value& dot, bool live, std::string& out) {
    if (words.size() != 2) throw bad(cat("expected one field behind ", words[0]));
    ++depth_;
    const Found value = live ? field(words[1], dot) : std::nullopt;
    const std::size_t body = at_;
    std::string_view end;
    if (words[0] == "if") {
      const bool yes = live && truth(value);
      end = block(dot, yes, out);
      if (end == "else") end = block(dot, live && !yes, out);
    } else {
      std::vector<json::Value> items;
      if (value && value->is_array()) value->each_element([&](const json::Value& v) { items.push_back(v); });
      if (value && value->is_object())
        value->each_member([&](const std::string&, const json::Value& v) { items.push_back(v); });
      for (const auto& item : items) {
        at_ = body;
        end = block(item, live, out);
      }
      if (items.empty()) {
        std::string nothing;
        end = block(dot, false, nothing);
      }
    }
    if (end != "end") throw bad(cat("{{", words[0], "}} has no {{end}}"));
    --depth_;
  }

  static bool truth(const Found& value) {
    if (!value) return false;
    if (value->is_bool()) return value->as_bool();
    if (value->is_string()) return !value->as_string().empty();
    if (value->is_array() || value->is_object()) return value->size() != 0;
    return value->text() != "0" && value->text() != "null";
  }

  // Words; quoted ones begin with a quotation mark and have lost the one at the end.
  std::vector<std::string> tokens(std::string_view action) const {
    std::vector<std::string> words;
    while (!(action = trim(action)).empty()) {
      if (action[0] == '"' || action[0] == '`') {
        const auto end = action.find(action[0], 1);
        if (end == std::string_view::npos) throw bad("a quotation mark is missing");
        words.push_back(cat("\"", action.substr(1, end - 1)));
        action.remove_prefix(end + 1);
      } else {
        const auto end = std::min(action.find_first_of(" \t\""), action.size());
        words.emplace_back(action.substr(0, end));
        action.remove_prefix(end);
      }
    }
    return words;
  }

  Found field(std::string_view path, const json::Value& dot) const {
    const json::Value* base = &dot;
    if (path.starts_with('$')) {
      base = &root_;
      path.remove_prefix(1);
    }
    if (path == "." || path.empty()) return *base;
    if (!path.starts_with('.')) throw bad(cat("unknown function or field \"", printable(path), "\""));
    Found value = *base;
    for (const auto name : split(path.substr(1), '.')) {
      if (!value->is_object()) throw bad(cat("no field \"", printable(path), "\""));
      auto next = member_of(*value, name);
      if (!next) {
        std::string known;
        value->each_member([&](const std::string& member, const json::Value&) {
          known += cat(known.empty() ? "" : ", ", member);
        });
        throw bad(cat("no field \"", printable(path), "\"")).hint(cat("there is ", known));
      }
      value = next;
    }
    return value;
  }

  std::string argument(const std::string& word, const json::Value& dot) const {
    if (word.starts_with('"')) return word.substr(1);
    return shown(*field(word, dot));
  }

  std::string evaluate(const std::vector<std::string>& words, const json::Value& dot) const {
    const std::string& first = words[0];
    if (words.size() == 1)
      return first.starts_with('"') ? first.substr(1) : first == "println" ? "\n" : shown(*field(first, dot));
    if (first == "json") return field(words[1], dot)->text();
    if (first == "len")
      return cat(field(words[1], dot)->is_string() ? field(words[1], dot)->as_string().size()
                                                   : field(words[1], dot)->size());
    if (first == "upper" || first == "lower") {
      std::string text = argument(words[1], dot);
      for (char& c : text) {
        const auto byte = static_cast<unsigned char>(c);
        c = static_cast<char>(first == "upper" ? std::toupper(byte) : std::tolower(byte));
      }
      return text;
    }
    if (first == "join" && words.size() == 3) {
      std::string out;
      bool any = false;
      field(words[1], dot)->each_element([&](const json::Value& element) {
        if (any) out += argument(words[2], dot);
        out += shown(element);
        any = true;
      });
      return out;
    }
    // {{index .A "key"}}, and docker's {{.Label "key"}}.
    if ((first == "index" && words.size() == 3) || (first.starts_with('.') && words.size() == 2)) {
      const std::string& holder = first == "index" ? words[1] : first;
      const std::string key = argument(words.back(), dot);
      const Found value = field(holder, dot);
      if (value->is_object()) {
        const auto found = value->find(key);
        return found ? shown(*found) : "";
      }
      unsigned long long wanted = 0, here = 0;
      if (!value->is_array() || !parse_number(words.back(), wanted))
        throw bad(cat("\"", printable(holder), "\" has no \"", printable(key), "\""));
      std::string out;
      value->each_element([&](const json::Value& element) {
        if (here++ == wanted) out = shown(element);
      });
      return out;
    }
    if (first == "println") {
      std::string out;
      for (std::size_t i = 1; i < words.size(); ++i) out += cat(i > 1 ? " " : "", argument(words[i], dot));
      return out + "\n";
    }
    throw bad(cat("unknown function \"", printable(first), "\""))
        .hint("there is json, len, upper, lower, join, index, println, range, if");
  }

  std::string_view text_;
  const json::Value& root_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == 't' || text[i + 1] == 'n')) {
      out += text[++i] == 't' ? '\t' : '\n';
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string rendered(std::string_view format, const std::string& row) {
  return render(format, json::Document::parse(row, "row").root());
}

// "{{.ID}}\t{{.Image}}": the headings are the fields' names, as docker has them.
std::vector<std::string> headings(std::string_view format, const std::vector<Column>& columns) {
  std::vector<std::string> out;
  for (const auto cell : split(format, '\t')) {
    const auto dot = cell.find('.');
    const auto end = dot == std::string_view::npos ? dot : cell.find_first_of(" }", dot);
    const auto name = dot == std::string_view::npos ? cell : cell.substr(dot + 1, end - dot - 1);
    std::string heading(name);
    for (char& c : heading) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    for (const auto& column : columns) {
      if (column.field == name) heading = column.heading;
    }
    out.push_back(std::move(heading));
  }
  return out;
}

std::vector<std::string> cells(std::string_view line) {
  std::vector<std::string> out;
  for (const auto cell : split(line, '\t')) out.emplace_back(cell);
  return out;
}

}  // namespace

std::string render(std::string_view text, const json::Value& value) {
  return Renderer(text, value).run();
}

std::string render_rows(std::string_view format, const std::vector<std::string>& rows,
                        const std::vector<Column>& columns) {
  std::string out;
  if (format == "json") {
    for (const auto& row : rows) out += cat(row, "\n");
    return out;
  }
  if (format != "table" && !format.starts_with("table ")) {
    const std::string text = unescape(format);
    for (const auto& row : rows) out += cat(rendered(text, row), "\n");
    return out;
  }
  std::string text = unescape(trim(format.substr(5)));
  if (text.empty()) {
    for (const auto& column : columns) text += cat(text.empty() ? "" : "\t", "{{.", column.field, "}}");
  }
  std::vector<std::vector<std::string>> table{headings(text, columns)};
  for (const auto& row : rows) table.push_back(cells(rendered(text, row)));
  return table_text(table);
}

}  // namespace rocker
