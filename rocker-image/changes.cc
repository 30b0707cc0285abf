#include "rocker-image/changes.hh"

#include <algorithm>

#include "spec/json.hh"
#include "spec/support/error.hh"
#include "spec/support/str.hh"
#include "spec/support/units.hh"

namespace rocker {

namespace {

// Words as the Dockerfile has them: blanks separate, quotes and backslashes keep together.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != 0) {
      if (c == quote) {
        quote = 0;
      } else if (c == '\\' && quote == '"' && i + 1 < text.size() &&
                 (text[i + 1] == '"' || text[i + 1] == '\\')) {
        word += text[++i];
      } else {
        word += c;
      }
    } else if (c == '"' || c == '\'') {
      quote = c;
      in_word = true;
    } else if (c == '\\' && i + 1 < text.size()) {
      word += text[++i];
      in_word = true;
    } else if (c == ' ' || c == '\t') {
      if (in_word) words.push_back(std::move(word));
      word.clear();
      in_word = false;
    } else {
      word += c;
      in_word = true;
    }
  }
  if (quote != 0) throw Error(cat("a ", quote, " is not closed"));
  if (in_word) words.push_back(std::move(word));
  return words;
}

// The exec form, a JSON array of strings; nothing when it is none.
std::optional<std::vector<std::string>> exec_form(std::string_view text) {
  if (!text.starts_with('[')) return std::nullopt;
  std::vector<std::string> list;
  const auto document = json::Document::parse(std::string(text), "its array");
  json::read(document.root(), list);
  return list;
}

// The shell form is a command line for /bin/sh.
std::vector<std::string> command(std::string_view text) {
  if (auto list = exec_form(text)) return std::move(*list);
  return {"/bin/sh", "-c", std::string(text)};
}

void add_once(std::vector<std::string>& list, const std::string& name) {
  if (std::find(list.begin(), list.end(), name) == list.end()) list.push_back(name);
}

std::pair<std::string, std::string> key_value(const std::string& word) {
  const auto equals = word.find('=');
  if (equals == std::string::npos || equals == 0)
    throw Error(cat("\"", printable(word), "\" is not KEY=VALUE"));
  return {word.substr(0, equals), word.substr(equals + 1)};
}

// KEY=VALUE..., or the old form, KEY and the rest of the line.
std::vector<std::pair<std::string, std::string>> pairs(std::string_view text) {
  const auto words = words_of(text);
  std::vector<std::pair<std::string, std::string>> out;
  if (words[0].find('=') == std::string::npos) {
    const auto end = text.find_first_of(" \t");
    if (end == std::string_view::npos) throw Error(cat("\"", printable(text), "\" has no value"));
    out.emplace_back(words[0], trim(text.substr(end)));
    return out;
  }
  for (const auto& word : words) out.push_back(key_value(word));
  return out;
}

void set_env(spec::ImageConfig& config, const std::string& key, const std::string& value) {
  const std::string prefix = cat(key, "=");
  std::erase_if(config.env, [&](const std::string& entry) { return entry.starts_with(prefix); });
  config.env.push_back(prefix + value);
}

void expose(spec::ImageConfig& config, std::string_view text) {
  for (const auto& word : words_of(text)) {
    std::string_view port = word, protocol = "tcp";
    if (const auto slash = port.find('/'); slash != std::string_view::npos) {
      protocol = port.substr(slash + 1);
      port = port.substr(0, slash);
    }
    const auto valid = [](std::string_view part) {
      unsigned long long number = 0;
      return part.size() <= 5 && parse_number(part, number) && number >= 1 && number <= 65535;
    };
    const auto dash = port.find('-');
    const bool good = dash == std::string_view::npos
                          ? valid(port)
                          : valid(port.substr(0, dash)) && valid(port.substr(dash + 1));
    if (!good || (protocol != "tcp" && protocol != "udp" && protocol != "sctp")) {
      throw Error(cat("\"", printable(word), "\" is not a port")).hint("give PORT[/tcp|/udp|/sctp]");
    }
    add_once(config.exposed_ports, cat(port, "/", protocol));
  }
}

// HEALTHCHECK [--interval=TIME] [--timeout=TIME] [--start-period=TIME] [--retries=N] CMD COMMAND, or NONE.
spec::ImageHealth health(std::string_view text) {
  spec::ImageHealth out;
  while (text.starts_with("--")) {
    const auto end = text.find_first_of(" \t");
    const auto [option, value] = key_value(std::string(text.substr(0, end)));
    text = end == std::string_view::npos ? std::string_view() : trim(text.substr(end));
    if (option == "--retries") {
      unsigned long long number = 0;
      if (!parse_number(value, number) || number == 0 || number > 1000)
        throw Error(cat("--retries: expected 1 to 1000, found \"", printable(value), "\""));
      out.retries = static_cast<std::int64_t>(number);
      continue;
    }
    std::int64_t* time = option == "--interval"       ? &out.interval
                         : option == "--timeout"      ? &out.timeout
                         : option == "--start-period" ? &out.start_period
                                                      : nullptr;
    if (time == nullptr) throw Error(cat("unknown option ", printable(option)));
    const auto milliseconds = parse_milliseconds(value);
    if (!milliseconds)
      throw Error(cat(option, ": expected a duration like 30s or 1m30s, found \"", printable(value), "\""));
    *time = static_cast<std::int64_t>(*milliseconds) * 1'000'000;
  }
  if (text == "NONE") {
    out.test = {"NONE"};
    return out;
  }
  if (!text.starts_with("CMD ")) throw Error("expected CMD and a command, or NONE");
  const auto line = trim(text.substr(4));
  if (auto list = exec_form(line)) {
    out.test = std::move(*list);
    out.test.insert(out.test.begin(), "CMD");
  } else {
    out.test = {"CMD-SHELL", std::string(line)};
  }
  return out;
}

}  // namespace

void apply_change(std::string_view instruction, spec::ImageConfig& config) {
  with_context(
      [&] { return cat("--change \"", printable(instruction), "\""); },
      [&] {
        const auto text = trim(instruction);
        const auto end = text.find_first_of(" \t");
        std::string verb(text.substr(0, end));
        std::transform(verb.begin(), verb.end(), verb.begin(),
                       [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
        const std::string_view rest =
            end == std::string_view::npos ? std::string_view() : trim(text.substr(end));
        constexpr std::string_view verbs[] = {"CMD",   "ENTRYPOINT", "ENV",  "EXPOSE", "HEALTHCHECK",
                                              "LABEL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"};
        if (std::find(std::begin(verbs), std::end(verbs), verb) == std::end(verbs)) {
          throw Error(cat("\"", printable(verb), "\" is not an instruction that can be changed"))
              .hint(
                  "one of CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, STOPSIGNAL, USER, VOLUME, "
                  "WORKDIR");
        }
        if (rest.empty()) throw Error("has no value");
        if (verb == "CMD") {
          config.cmd = command(rest);
        } else if (verb == "ENTRYPOINT") {
          config.entrypoint = command(rest);
        } else if (verb == "ENV") {
          for (const auto& [key, value] : pairs(rest)) set_env(config, key, value);
        } else if (verb == "LABEL") {
          for (const auto& [key, value] : pairs(rest)) config.labels[key] = value;
        } else if (verb == "EXPOSE") {
          expose(config, rest);
        } else if (verb == "HEALTHCHECK") {
          config.health = health(rest);
        } else if (verb == "STOPSIGNAL") {
          config.stop_signal = rest;
        } else if (verb == "USER") {
          config.user = rest;
        } else if (verb == "VOLUME") {
          const auto list = exec_form(rest);
          for (const auto& volume : list ? *list : words_of(rest)) add_once(config.volumes, volume);
        } else if (rest.starts_with('/') || config.working_dir.empty()) {
          config.working_dir = rest.starts_with('/') ? std::string(rest) : cat("/", rest);
        } else {
          config.working_dir = cat(config.working_dir, config.working_dir.ends_with('/') ? "" : "/", rest);
        }
      });
}

}  // namespace rocker
