// '{{.ID}}' and the like: docker's --format, without the rest of Go's templates.
#pragma once

#include <string>
#include <string_view>

#include "spec/json.hh"

namespace rocker {

// Text with {{.Member}}, {{.Member.Inner}} and {{json .Member}} filled in; \n and \t are a line end and a
// tab. Members are found whatever their case. Strings come as they are, everything else as JSON. Throws Error
// for a member that is not there, naming those that are.
std::string render_template(std::string_view format, const json::Value& value);

}  // namespace rocker
