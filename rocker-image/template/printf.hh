// Go's fmt.Sprintf, as far as templates need it.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "rocker-image/template/value.hh"

namespace rocker::templates {

// %s %v %q %d %x %X %o %b %c %t %e %f %g %%, with the flags "-", "+", "0" and blank, a width and a precision.
// What does not fit is shown in the text as Go does: "%!d(string=x)", "%!s(MISSING)", "%!(EXTRA int=1)".
// Throws Error for other flags and verbs.
std::string formatted(std::string_view format, std::span<const Value> arguments);

}  // namespace rocker::templates
