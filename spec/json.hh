// JSON, read and written. RapidJSON stands behind this file and nowhere else.
//
// Reading: a Document owns what was parsed, a Value points into it. A conversion that fails throws an Error
// that names the file and the JSON pointer of the member (RFC 6901): `config.json: /process/cwd: expected a
// string, found 7`. A member that is null counts as missing, as it does for the peers (Go's encoding/json).
//
//   void read(const json::Value& v, Root& root) {
//     v.require("path", root.path);          must be there
//     v.member("readonly", root.readonly);   keeps the default when it is not
//   }
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "spec/support/error.hh"

namespace rocker::json {

// "text", quoted and escaped as JSON wants it.
std::string quote(std::string_view text);

class Document;

class Value {
 public:
  bool is_object() const;
  bool is_array() const;
  bool is_string() const;
  bool is_number() const;
  bool is_bool() const;

  // Conversions; each throws when the value is of another kind or out of range. A string with a NUL in it is
  // refused: no path, name or argument of the kernel's can hold one.
  std::string as_string() const;
  bool as_bool() const;
  std::int64_t as_int(std::int64_t least = std::numeric_limits<std::int64_t>::min(),
                      std::int64_t most = std::numeric_limits<std::int64_t>::max()) const;
  std::uint64_t as_uint(std::uint64_t most = std::numeric_limits<std::uint64_t>::max()) const;
  double as_double() const;

  // A member of this object; nothing when it is missing or null. Throws when this is no object.
  std::optional<Value> find(std::string_view name) const;
  // Whether there is a member of that name, be it null.
  bool has(std::string_view name) const;
  Value at(std::string_view name) const;
  void each_member(const std::function<void(std::string name, const Value& value)>& fn) const;
  void each_element(const std::function<void(const Value& value)>& fn) const;
  std::size_t size() const;

  // An Error about this value, with its file and pointer.
  Error error(std::string_view problem) const;

  // The value as compact JSON text, and as it appears in messages (cut when it is long).
  std::string text() const;
  std::string shown() const;

  // Reads a member into `out` by the read() overload of its type.
  template <typename T>
  void member(std::string_view name, T& out) const;
  template <typename T>
  void require(std::string_view name, T& out) const;

 private:
  friend class Document;
  Value(const Document* document, const void* node) : document_(document), node_(node) {}
  const Document* document_;
  const void* node_;
};

class Document {
 public:
  // Parses one whole JSON text (RFC 8259). `name` is the file for messages. Throws when it is empty, broken,
  // nested deeper than 128 levels or has something behind its end. Nesting can't exhaust the stack.
  static Document parse(std::string text, std::string name);

  Document(Document&&) noexcept;
  Document& operator=(Document&&) noexcept;
  ~Document();

  Value root() const;
  const std::string& name() const;

 private:
  friend class Value;
  struct Impl;
  explicit Document(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The members of an object that are strings or natural numbers, in their order and without keeping anything:
// for who wants few things of many files. Each says whether it wants more; what is behind the last one wanted
// is not looked at. text ends with a NUL. False when it has ended or is no JSON object before that;
// Document::parse says why.
using MemberText = std::function<bool(std::string_view name, std::string_view text)>;
using MemberNumber = std::function<bool(std::string_view name, std::uint64_t number)>;
bool scan_members(const char* text, const MemberText& on_text, const MemberNumber& on_number);

inline void read(const Value& v, std::string& out) {
  out = v.as_string();
}
inline void read(const Value& v, bool& out) {
  out = v.as_bool();
}

template <std::integral T>
void read(const Value& v, T& out) {
  if constexpr (std::is_signed_v<T>) {
    out = static_cast<T>(v.as_int(std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
  } else {
    out = static_cast<T>(v.as_uint(std::numeric_limits<T>::max()));
  }
}

template <typename T>
void read(const Value& v, std::vector<T>& out) {
  out.clear();
  out.reserve(v.size());
  v.each_element([&](const Value& element) { read(element, out.emplace_back()); });
}

template <typename T>
void read(const Value& v, std::optional<T>& out) {
  read(v, out.emplace());
}

// Objects that are dictionaries. The order of the file is of no meaning in JSON; a repeated name: last wins.
template <typename T>
void read(const Value& v, std::map<std::string, T>& out) {
  out.clear();
  v.each_member([&](std::string name, const Value& value) { read(value, out[std::move(name)]); });
}

template <typename T>
void Value::member(std::string_view name, T& out) const {
  if (const auto value = find(name)) read(*value, out);
}

template <typename T>
void Value::require(std::string_view name, T& out) const {
  read(at(name), out);
}

// Writing: members in the order of the calls.
//
//   json::Writer w;
//   w.object([&] {
//     w.member("path", root.path);
//     w.object("hooks", [&] { ... });
//   });
//   w.text()
class Writer {
 public:
  enum class Style { compact, pretty };
  explicit Writer(Style style = Style::pretty);
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void key(std::string_view name);
  void value(std::string_view text);
  void value(const char* text) { value(std::string_view(text)); }
  void value(const std::string& text) { value(std::string_view(text)); }
  void value(bool flag);
  void value(double number);
  void null();
  template <std::integral T>
  requires(!std::same_as<T, bool>) void value(T number) {
    if constexpr (std::is_signed_v<T>) {
      integer(static_cast<std::int64_t>(number));
    } else {
      natural(static_cast<std::uint64_t>(number));
    }
  }
  template <typename T>
  void value(const std::vector<T>& list) {
    array([&] {
      for (const auto& element : list) value(element);
    });
  }
  template <typename T>
  void value(const std::map<std::string, T>& dictionary) {
    object([&] {
      for (const auto& [name, entry] : dictionary) member(name, entry);
    });
  }
  // A value that is JSON text already.
  void raw(std::string_view json_text);

  void object(const std::function<void()>& body);
  void array(const std::function<void()>& body);
  void object(std::string_view name, const std::function<void()>& body) { key(name), object(body); }
  void array(std::string_view name, const std::function<void()>& body) { key(name), array(body); }

  template <typename T>
  void member(std::string_view name, const T& content) {
    key(name);
    value(content);
  }
  // Left out when it is not set.
  template <typename T>
  void member(std::string_view name, const std::optional<T>& content) {
    if (content) member(name, *content);
  }
  // Left out when it is empty or zero or false: Go's "omitempty".
  template <typename T>
  void unless_empty(std::string_view name, const T& content) {
    if constexpr (requires { content.empty(); }) {
      if (!content.empty()) member(name, content);
    } else {
      if (content != T{}) member(name, content);
    }
  }

  // What was written; with a line end when the style is pretty.
  std::string text() const;

 private:
  void integer(std::int64_t number);
  void natural(std::uint64_t number);
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rocker::json
