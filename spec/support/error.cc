#include "spec/support/error.hh"

#include <cstring>

#include "spec/support/str.hh"

namespace rocker {

Error::Error(std::string message, int errno_value) : message_(std::move(message)), errno_(errno_value) {
  compose();
}

Error& Error::context(std::string_view context) {
  message_ = cat(context, ": ", message_);
  compose();
  return *this;
}

Error& Error::hint(std::string hint) {
  hint_ = std::move(hint);
  compose();
  return *this;
}

Error& Error::exit_status(int status) {
  exit_status_ = status;
  return *this;
}

void Error::compose() {
  line_ = hint_.empty() ? message_ : cat(message_, " - ", hint_);
}

Error system_error(std::string_view what, int errno_value) {
  // Lower case as the field's tools print it: engines look for "no such file or directory" and
  // "permission denied" in these lines (strerror has "No such file ...").
  std::string text = std::strerror(errno_value);
  if (text.size() > 1 && text[0] >= 'A' && text[0] <= 'Z' && text[1] >= 'a' && text[1] <= 'z') {
    text[0] = static_cast<char>(text[0] - 'A' + 'a');
  }
  return Error(cat(what, ": ", text), errno_value);
}

}  // namespace rocker
