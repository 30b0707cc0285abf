#include "spec/support/command_line.hh"

#include <unistd.h>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cctype>
#include <deque>

#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/log.hh"
#include "spec/support/str.hh"

namespace rocker {

namespace {

class Formatter : public CLI::Formatter {
 public:
  explicit Formatter(std::string usage) : usage_(std::move(usage)) { column_width(34); }
  std::string make_usage(const CLI::App*, std::string) const override { return usage_; }

 private:
  std::string usage_;
};

// What help calls an option's value: the last word of the option, FILE for "--pid-file,-p". An argument has
// its name already.
std::string value_name(const std::string& names) {
  const std::string* longest = nullptr;
  std::vector<std::string> all;
  for (const auto name : split(names, ',')) all.emplace_back(trim(name));
  for (const auto& name : all) {
    if (longest == nullptr || name.size() > longest->size()) longest = &name;
  }
  if (longest == nullptr || (*longest)[0] != '-') return "";
  std::string word = longest->substr(longest->rfind('-') + 1);
  for (char& c : word) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return word;
}

std::string& typed_name() {
  static std::string name;
  return name;
}

CLI::Option* of(void* option) {
  return static_cast<CLI::Option*>(option);
}

}  // namespace

struct CommandLine::Impl {
  CLI::App app;
  std::string command;
  std::deque<Option> options;

  Impl(const std::string& description, const std::string& name) : app(description, name), command(name) {}
};

CommandLine::Option* CommandLine::Option::required() {
  of(option_)->required();
  return this;
}

CommandLine::Option* CommandLine::Option::expected(int least, int most) {
  of(option_)->expected(least, most);
  return this;
}

CommandLine::Option* CommandLine::Option::allow_extra_args(bool allow) {
  of(option_)->allow_extra_args(allow);
  return this;
}

CommandLine::Option* CommandLine::Option::one_of(const std::vector<std::string>& values) {
  of(option_)->check(CLI::IsMember(values));
  return this;
}

CommandLine::Option* CommandLine::Option::range(int least, int most) {
  of(option_)->check(CLI::Range(least, most));
  return this;
}

void CommandLine::call_it(std::string name) {
  typed_name() = std::move(name);
}

CommandLine::CommandLine(const std::string& command, const std::string& usage, const std::string& description,
                         const std::string& prefix)
    : impl_(std::make_unique<Impl>(description, typed_name().empty() ? command : typed_name())) {
  std::string text = cat("Usage: ", log::program());
  for (const auto& word : {prefix, impl_->command, std::string("[OPTIONS]"), usage}) {
    if (!word.empty()) text += cat(" ", word);
  }
  impl_->app.description(cat(text, "\n\n", description));
  impl_->app.formatter(std::make_shared<Formatter>(""));
  impl_->app.set_help_flag("--help,-h", "Print this help and exit");
}

CommandLine::~CommandLine() = default;

template <typename T>
CommandLine::Option* CommandLine::add_option(const std::string& names, T& variable,
                                             const std::string& description) {
  CLI::Option* option = impl_->app.add_option(names, variable, description);
  option->type_name(value_name(names));
  return &impl_->options.emplace_back(Option(option));
}
using Names = const std::string&;
template CommandLine::Option* CommandLine::add_option(Names, std::string&, Names);
template CommandLine::Option* CommandLine::add_option(Names, std::vector<std::string>&, Names);
template CommandLine::Option* CommandLine::add_option(Names, int&, Names);
template CommandLine::Option* CommandLine::add_option(Names, unsigned&, Names);
template CommandLine::Option* CommandLine::add_option(Names, std::uint64_t&, Names);
template CommandLine::Option* CommandLine::add_option(Names, std::int64_t&, Names);

CommandLine::Option* CommandLine::add_flag(const std::string& names, bool& variable,
                                           const std::string& description) {
  return &impl_->options.emplace_back(Option(impl_->app.add_flag(names, variable, description)));
}

std::string CommandLine::help() const {
  return impl_->app.help();
}

bool CommandLine::read(const std::vector<std::string>& args) {
  const auto wrong = [&](std::string_view text) {
    const auto& command = impl_->command;
    return Error(command.empty() ? std::string(text) : cat(command, ": ", text))
        .hint(cat("see '", log::program(), command.empty() ? "" : " ", command, " --help'"));
  };
  try {
    // CLI11 wants them from the last to the first.
    impl_->app.parse(std::vector<std::string>(args.rbegin(), args.rend()));
  } catch (const CLI::CallForHelp&) {
    write_all(STDOUT_FILENO, help(), "standard output");
    return false;
  } catch (const CLI::ExtrasError&) {
    const auto extra = impl_->app.remaining().front();
    const bool option = extra.size() > 1 && extra.starts_with('-');
    const std::string text = option ? cat("unknown option \"", printable(extra), "\"")
                                    : cat("\"", printable(extra), "\" is one argument too many");
    throw wrong(text);
  } catch (const CLI::ParseError& error) {
    std::string text = error.what();
    std::replace(text.begin(), text.end(), '\n', ' ');
    throw wrong(trim(text));
  }
  return true;
}

bool CommandLine::read_until(const std::vector<std::string>& args, std::size_t arguments,
                             std::vector<std::string>& rest) {
  std::vector<std::string> front;
  std::size_t seen = 0, i = 0;
  bool options_ended = false;
  for (; i < args.size(); ++i) {
    const std::string& arg = args[i];
    if (seen == arguments && arguments > 0) break;
    if (arg == "--" && !options_ended) {
      if (arguments == 0) break;
      options_ended = true;
      front.push_back(arg);
      continue;
    }
    const bool option = !options_ended && arg.size() > 1 && arg[0] == '-';
    if (!option && seen == arguments) break;
    front.push_back(arg);
    if (!option) {
      ++seen;
      continue;
    }
    // An option that takes a value, given apart: the value is no argument.
    const bool is_long = arg.starts_with("--");
    const bool value_inside = is_long ? arg.find('=') != std::string::npos : arg.size() > 2;
    const CLI::Option* known = impl_->app.get_option_no_throw(is_long ? arg : arg.substr(0, 2));
    if (known != nullptr && known->get_items_expected_max() > 0 && !value_inside && i + 1 < args.size()) {
      front.push_back(args[++i]);
    }
  }
  if (i < args.size() && args[i] == "--") ++i;
  rest.assign(args.begin() + static_cast<std::ptrdiff_t>(i), args.end());
  return read(front);
}

}  // namespace rocker
