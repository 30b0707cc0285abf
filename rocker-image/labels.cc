#include "rocker-image/labels.hh"

namespace rocker {

bool has_label(const std::map<std::string, std::string>& labels, const std::string& wanted) {
  const auto equals = wanted.find('=');
  const auto found = labels.find(wanted.substr(0, equals));
  return found != labels.end() && (equals == std::string::npos || found->second == wanted.substr(equals + 1));
}

}  // namespace rocker
