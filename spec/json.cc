#include "spec/json.hh"
#include "spec/support/sanitized.hh"

// Sixteen bytes at a time, up to fifteen of them behind the text's end: never in another page, but a
// sanitizer objects.
#if defined(__SSE2__) && !defined(ROCKER_ADDRESS_SANITIZED)
#define RAPIDJSON_SSE2
#endif
#include <rapidjson/document.h>
#include <rapidjson/error/en.h>
#include <rapidjson/prettywriter.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <cctype>

#include "spec/support/str.hh"

namespace rocker::json {

namespace {

constexpr int deepest = 128;

const rapidjson::Value& node_of(const void* node) {
  return *static_cast<const rapidjson::Value*>(node);
}

std::string_view text_of(const rapidjson::Value& value) {
  return {value.GetString(), value.GetStringLength()};
}

// RFC 6901: "~" and "/" in a name are written "~0" and "~1".
std::string escape_token(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

// Where `wanted` stands below `here`. Only an error asks, so that reading need not keep track of paths.
bool find_pointer(const rapidjson::Value& here, const void* wanted, std::string& pointer) {
  if (&here == wanted) return true;
  const std::size_t length = pointer.size();
  if (here.IsObject()) {
    for (const auto& member : here.GetObject()) {
      pointer += cat("/", escape_token(text_of(member.name)));
      if (find_pointer(member.value, wanted, pointer)) return true;
      pointer.resize(length);
    }
  } else if (here.IsArray()) {
    for (rapidjson::SizeType i = 0; i < here.Size(); ++i) {
      pointer += cat("/", i);
      if (find_pointer(here[i], wanted, pointer)) return true;
      pointer.resize(length);
    }
  }
  return false;
}

int depth_of(std::string_view text) {
  // Most documents have fewer brackets than would be too deep, and those are found faster than strings are
  // skipped.
  int brackets = 0;
  for (const char bracket : {'{', '['}) {
    for (auto at = text.find(bracket); at != text.npos; at = text.find(bracket, at + 1)) ++brackets;
  }
  if (brackets <= deepest) return brackets;
  int depth = 0, most = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      most = std::max(most, ++depth);
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return most;
}

std::string position(std::string_view text, std::size_t offset) {
  offset = std::min(offset, text.size());
  const auto before = text.substr(0, offset);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const auto start = before.rfind('\n');
  return cat("line ", line, ", column ", offset - (start == std::string_view::npos ? 0 : start + 1) + 1);
}

std::string lower_first(std::string text) {
  if (!text.empty()) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  while (text.ends_with('.')) text.pop_back();
  return text;
}

}  // namespace

std::string quote(std::string_view text) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  writer.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
  return {buffer.GetString(), buffer.GetSize()};
}

struct Document::Impl {
  std::string name;
  std::string text;  // what the document's strings point into, decoded in place
  rapidjson::Document document;
};

Document::Document(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Document::Document(Document&&) noexcept = default;
Document& Document::operator=(Document&&) noexcept = default;
Document::~Document() = default;

Document Document::parse(std::string text, std::string name) {
  auto impl = std::make_unique<Impl>();
  impl->name = std::move(name);
  if (trim(text).empty()) throw Error(cat(impl->name, ": is empty, expected a JSON object"));
  // RapidJSON takes a NUL for the end of the text and would not see what is behind it.
  if (const auto nul = text.find('\0'); nul != std::string::npos) {
    throw Error(cat(impl->name, ": ", position(text, nul), ": not JSON: a NUL byte"));
  }
  if (depth_of(text) > deepest) {
    throw Error(cat(impl->name, ": nested deeper than ", deepest, " levels"));
  }
  // Iterative, for the parser's own stack.
  const std::string original = text;  // an error's line is counted there
  impl->text = std::move(text);
  impl->document.ParseInsitu<rapidjson::kParseIterativeFlag>(impl->text.data());
  if (impl->document.HasParseError()) {
    throw Error(cat(impl->name, ": ", position(original, impl->document.GetErrorOffset()), ": not JSON: ",
                    lower_first(rapidjson::GetParseError_En(impl->document.GetParseError()))));
  }
  return Document(std::move(impl));
}

namespace {

class MemberScanner : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, MemberScanner> {
 public:
  MemberScanner(const MemberText& on_text, const MemberNumber& on_number)
      : on_text_(on_text), on_number_(on_number) {}

  bool satisfied() const { return satisfied_; }

  bool StartObject() { return ++depth_ <= deepest; }
  bool EndObject(rapidjson::SizeType) { return --depth_, true; }
  // What is in an array at the top is no member.
  bool StartArray() { return depth_ != 0 && ++depth_ <= deepest; }
  bool EndArray(rapidjson::SizeType) { return --depth_, true; }
  bool Key(const char* text, rapidjson::SizeType length, bool) {
    if (depth_ == 1) name_.assign(text, length);
    return true;
  }
  bool String(const char* text, rapidjson::SizeType length, bool) {
    if (depth_ == 1) satisfied_ = !on_text_(name_, {text, length});
    return !satisfied_;
  }
  bool Uint(unsigned number) { return Uint64(number); }
  bool Uint64(std::uint64_t number) {
    if (depth_ == 1) satisfied_ = !on_number_(name_, number);
    return !satisfied_;
  }

 private:
  const MemberText& on_text_;
  const MemberNumber& on_number_;
  int depth_ = 0;
  bool satisfied_ = false;
  std::string name_;
};

}  // namespace

bool scan_members(const char* text, const MemberText& on_text, const MemberNumber& on_number) {
  rapidjson::Reader reader;
  rapidjson::StringStream stream(text);
  MemberScanner scanner(on_text, on_number);
  reader.Parse(stream, scanner);
  return scanner.satisfied();
}

Value Document::root() const {
  return {this, static_cast<const rapidjson::Value*>(&impl_->document)};
}
const std::string& Document::name() const {
  return impl_->name;
}

bool Value::is_object() const {
  return node_of(node_).IsObject();
}
bool Value::is_array() const {
  return node_of(node_).IsArray();
}
bool Value::is_string() const {
  return node_of(node_).IsString();
}
bool Value::is_number() const {
  return node_of(node_).IsNumber();
}
bool Value::is_bool() const {
  return node_of(node_).IsBool();
}

Error Value::error(std::string_view problem) const {
  std::string pointer;
  const auto& root = static_cast<const rapidjson::Value&>(document_->impl_->document);
  find_pointer(root, node_, pointer);
  return Error(pointer.empty() ? cat(document_->name(), ": ", problem)
                               : cat(document_->name(), ": ", printable(pointer), ": ", problem));
}

std::string Value::text() const {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  node_of(node_).Accept(writer);
  return {buffer.GetString(), buffer.GetSize()};
}

std::string Value::shown() const {
  if (is_object()) return "an object";
  if (is_array()) return "an array";
  return printable(text(), 80);
}

std::string Value::as_string() const {
  const auto& node = node_of(node_);
  if (!node.IsString()) throw error(cat("expected a string, found ", shown()));
  const auto text = text_of(node);
  if (text.find('\0') != std::string_view::npos) throw error("the string has a NUL byte in it");
  return std::string(text);
}

bool Value::as_bool() const {
  if (!is_bool()) throw error(cat("expected true or false, found ", shown()));
  return node_of(node_).GetBool();
}

std::int64_t Value::as_int(std::int64_t least, std::int64_t most) const {
  const auto& node = node_of(node_);
  if (!node.IsInt64() && !node.IsUint64()) throw error(cat("expected an integer, found ", shown()));
  if (!node.IsInt64() || node.GetInt64() < least || node.GetInt64() > most) {
    throw error(cat(shown(), " is out of range, expected ", least, " to ", most));
  }
  return node.GetInt64();
}

std::uint64_t Value::as_uint(std::uint64_t most) const {
  const auto& node = node_of(node_);
  if (!node.IsInt64() && !node.IsUint64()) throw error(cat("expected an integer, found ", shown()));
  if (!node.IsUint64() || node.GetUint64() > most) {
    throw error(cat(shown(), " is out of range, expected 0 to ", most));
  }
  return node.GetUint64();
}

double Value::as_double() const {
  if (!is_number()) throw error(cat("expected a number, found ", shown()));
  return node_of(node_).GetDouble();
}

std::optional<Value> Value::find(std::string_view name) const {
  const auto& node = node_of(node_);
  if (!node.IsObject()) throw error(cat("expected an object, found ", shown()));
  // A repeated member: the last one counts, as for Go's encoding/json, so that what an engine checked and
  // what the runtime does are the same.
  for (auto member = node.MemberEnd(); member != node.MemberBegin();) {
    --member;
    if (text_of(member->name) != name) continue;
    if (member->value.IsNull()) return std::nullopt;
    return Value(document_, &member->value);
  }
  return std::nullopt;
}

bool Value::has(std::string_view name) const {
  const auto& node = node_of(node_);
  if (!node.IsObject()) throw error(cat("expected an object, found ", shown()));
  return node.HasMember(rapidjson::StringRef(name.data(), name.size()));
}

Value Value::at(std::string_view name) const {
  if (const auto value = find(name)) return *value;
  throw error(cat("\"", name, "\" is missing"));
}

void Value::each_member(const std::function<void(std::string, const Value&)>& fn) const {
  const auto& node = node_of(node_);
  if (!node.IsObject()) throw error(cat("expected an object, found ", shown()));
  for (const auto& member : node.GetObject()) {
    const auto name = text_of(member.name);
    const Value value(document_, &member.value);
    if (name.find('\0') != std::string_view::npos) throw value.error("its name has a NUL byte in it");
    if (!member.value.IsNull()) fn(std::string(name), value);
  }
}

void Value::each_element(const std::function<void(const Value&)>& fn) const {
  const auto& node = node_of(node_);
  if (!node.IsArray()) throw error(cat("expected an array, found ", shown()));
  for (const auto& element : node.GetArray()) fn(Value(document_, &element));
}

std::size_t Value::size() const {
  const auto& node = node_of(node_);
  if (node.IsArray()) return node.Size();
  if (node.IsObject()) return node.MemberCount();
  throw error(cat("expected an array, found ", shown()));
}

struct Writer::Impl {
  using Buffer = rapidjson::StringBuffer;
  // A PrettyWriter's functions are not virtual: both are kept, and one is used.
  Style style;
  Buffer buffer;
  rapidjson::Writer<Buffer> compact{buffer};
  rapidjson::PrettyWriter<Buffer> pretty{buffer};

  explicit Impl(Style chosen) : style(chosen) { pretty.SetIndent(' ', 2); }

  template <typename Fn>
  void with(Fn fn) {
    if (style == Style::pretty) {
      fn(pretty);
    } else {
      fn(compact);
    }
  }
};

Writer::Writer(Style style) : impl_(std::make_unique<Impl>(style)) {}
Writer::~Writer() = default;

void Writer::key(std::string_view name) {
  impl_->with([&](auto& w) { w.Key(name.data(), static_cast<rapidjson::SizeType>(name.size())); });
}
void Writer::value(std::string_view text) {
  // A default string_view has no data, and RapidJSON asserts that a string has some.
  impl_->with([&](auto& w) {
    w.String(text.empty() ? "" : text.data(), static_cast<rapidjson::SizeType>(text.size()));
  });
}
void Writer::value(bool flag) {
  impl_->with([&](auto& w) { w.Bool(flag); });
}
void Writer::value(double number) {
  impl_->with([&](auto& w) { w.Double(number); });
}
void Writer::null() {
  impl_->with([&](auto& w) { w.Null(); });
}
void Writer::integer(std::int64_t number) {
  impl_->with([&](auto& w) { w.Int64(number); });
}
void Writer::natural(std::uint64_t number) {
  impl_->with([&](auto& w) { w.Uint64(number); });
}
void Writer::raw(std::string_view json_text) {
  // Parsed and written again, so that it has this writer's layout.
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(json_text.data(), json_text.size());
  if (document.HasParseError()) throw Error("json::Writer::raw: not JSON");
  impl_->with([&](auto& w) { document.Accept(w); });
}
void Writer::object(const std::function<void()>& body) {
  impl_->with([&](auto& w) { w.StartObject(); });
  body();
  impl_->with([&](auto& w) { w.EndObject(); });
}
void Writer::array(const std::function<void()>& body) {
  impl_->with([&](auto& w) { w.StartArray(); });
  body();
  impl_->with([&](auto& w) { w.EndArray(); });
}

std::string Writer::text() const {
  std::string text(impl_->buffer.GetString(), impl_->buffer.GetSize());
  if (impl_->style == Style::pretty) text += '\n';
  return text;
}

}  // namespace rocker::json
