// Text from outside, made fit for others.
#pragma once

#include <string>
#include <string_view>

namespace rocker {

// How many bytes the UTF-8 character (RFC 3629) has that text begins with; 0 when there is none.
std::size_t utf8_length(std::string_view text);

// Text with U+FFFD in place of each byte that is no UTF-8, as Go's encoding/json reads it.
std::string valid_utf8(std::string_view text);

// JSON text that a terminal can be shown: the same, with DEL and C1 control characters escaped, and U+FFFD
// where a byte is no UTF-8, which would make it no JSON.
std::string terminal_json(std::string_view json_text);

}  // namespace rocker
