// The options and arguments of one command. CLI11 stands behind this file and nowhere else: it is a large
// header, and a mistake in a command line is to be one line and not CLI11's several.
//
//   CommandLine line("kill", "ID [SIGNAL]", "Sends a signal to the init of a container.");
//   line.add_flag("--all,-a", all, "To every process of the container");
//   line.add_option("ID", id, "The container")->required();
//   if (!line.read(args)) return 0;
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace rocker {

class CommandLine {
 public:
  class Option {
   public:
    Option* required();
    Option* expected(int least, int most);
    // Of a list: false takes one value each time it is given, and not all that follow.
    Option* allow_extra_args(bool allow);
    Option* one_of(const std::vector<std::string>& values);
    Option* range(int least, int most);

   private:
    friend class CommandLine;
    explicit Option(void* option) : option_(option) {}
    void* option_;
  };

  // `usage` is what stands behind the command's name and its options: "TAR NAME[:TAG]". `prefix` is what
  // stands between the program's name and the command's: "[--root DIR]".
  CommandLine(const std::string& command, const std::string& usage, const std::string& description,
              const std::string& prefix = {});
  ~CommandLine();

  // What the user has typed for the command, where that is another word ("images" for "list"): its help and
  // its errors say so.
  static void call_it(std::string name);

  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  // Names with dashes are options ("--all,-a"), one without is an argument ("ID"). The variable keeps its
  // value when the option is not given.
  // T: std::string, std::vector<std::string>, int, unsigned, std::int64_t, std::uint64_t.
  template <typename T>
  Option* add_option(const std::string& names, T& variable, const std::string& description);
  Option* add_flag(const std::string& names, bool& variable, const std::string& description);

  // False when --help was asked for and printed. Throws Error, in one line.
  bool read(const std::vector<std::string>& args);

  // For a command line whose options end at the argument number `arguments` ("exec ID COMMAND -x"): what
  // follows is given back untouched. "--" ends the options as well.
  bool read_until(const std::vector<std::string>& args, std::size_t arguments,
                  std::vector<std::string>& rest);

  std::string help() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rocker
