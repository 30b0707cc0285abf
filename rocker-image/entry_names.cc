// The names of entries: which are left out, and what is left of the others.
#include <fnmatch.h>

#include <algorithm>
#include <climits>

#include "rocker-image/extract.hh"
#include "spec/support/error.hh"
#include "spec/support/str.hh"

namespace rocker {

std::vector<std::string> safe_components(std::string_view name) {
  std::vector<std::string> path;
  // One allocation for most names, and each entry has one.
  path.reserve(8);
  for (const auto part : split(name, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (path.empty()) throw Error("its name leads out of the root file system");
      path.pop_back();
    } else {
      if (part.size() > NAME_MAX) {
        throw Error(
            cat("a part of its name has ", part.size(), " bytes, at most ", NAME_MAX, " are possible"));
      }
      path.emplace_back(part);
    }
  }
  return path;
}

std::string join_path(const std::vector<std::string>& path, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) {
    if (i != 0) out += '/';
    out += path[i];
  }
  return out;
}

std::vector<Extractor::Pattern> Extractor::patterns_of(const std::vector<std::string>& texts) {
  std::vector<Pattern> patterns;
  for (const auto& given : texts) {
    std::string_view text = given;
    // Names have lost their "./" by then: with it, a pattern is for what is at the top.
    while (text.starts_with("./")) {
      text.remove_prefix(2);
      text.remove_prefix(std::min(text.find_first_not_of('/'), text.size()));
    }
    const bool at_top = text.size() != given.size();
    while (text.ends_with('/')) text.remove_suffix(1);
    patterns.push_back({given, std::string(text), at_top, false});
  }
  return patterns;
}

std::vector<std::string> Extractor::unmatched() const {
  std::vector<std::string> out;
  for (const auto& pattern : patterns_) {
    if (!pattern.matched) out.push_back(pattern.given);
  }
  return out;
}

// As tar does: a pattern may begin behind any slash, its wildcards match slashes, and what is in a directory
// that is left out is left out as well.
bool Extractor::matches(const Pattern& pattern, const std::string& path) {
  for (std::size_t end = 0; end != std::string::npos;) {
    end = path.find('/', end == 0 ? 0 : end + 1);
    const std::string prefix = path.substr(0, end);
    for (std::size_t start = 0; start != std::string::npos;) {
      if (::fnmatch(pattern.text.c_str(), prefix.c_str() + start, 0) == 0) return true;
      if (pattern.at_top) break;
      start = prefix.find('/', start);
      if (start != std::string::npos) ++start;
    }
  }
  return false;
}

bool Extractor::left_out(const std::string& path) {
  bool out = false;
  for (auto& pattern : patterns_) {
    // Also one whose files another one leaves out has matched.
    if ((out && pattern.matched) || !matches(pattern, path)) continue;
    pattern.matched = true;
    out = true;
  }
  return out;
}

bool Extractor::excludes(const std::string& path) {
  if (patterns_.empty() || !left_out(path)) return false;
  ++tally_.excluded;
  return true;
}

// As GNU tar counts: "." is a component as well, several slashes are one.
std::optional<Extractor::Path> Extractor::stripped(std::string_view name) const {
  for (unsigned left = options_.strip_components - std::min(options_.strip_components, dots_); left != 0;
       --left) {
    name.remove_prefix(std::min(name.find_first_not_of('/'), name.size()));
    if (name.empty()) return std::nullopt;
    name.remove_prefix(std::min(name.find('/'), name.size()));
  }
  return safe_components(name);
}

void Extractor::note_top(std::string_view name) {
  unsigned count = dots_;
  for (const auto part : split(name, '/')) {
    if (part.empty()) continue;
    ++count;
    if (count > options_.strip_components && part != ".") break;
  }
  top_ = count;
}

void Extractor::names_as_of(const Extractor& spool) {
  dots_ = spool.top_ - std::min(spool.top_, 1U);
}

}  // namespace rocker
