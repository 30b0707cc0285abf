// The commands of rocker-image. main looks one up by its name and runs it; each defines its own options only.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rocker {

// The options in front of the command's name.
struct Globals {
  std::string root;    // of the store: absolute
  std::string config;  // the file with the defaults: absolute
};

struct Command {
  std::string_view name;
  std::string_view summary;  // one line of --help
  // The arguments behind the command's name; gives the exit status. Throws Error.
  int (*run)(const Globals& globals, const std::vector<std::string>& args);
};

// In the order of --help.
std::span<const Command> all_commands();

namespace commands {
int import_image(const Globals& globals, const std::vector<std::string>& args);
int list(const Globals& globals, const std::vector<std::string>& args);
int inspect(const Globals& globals, const std::vector<std::string>& args);
int path(const Globals& globals, const std::vector<std::string>& args);
int bundle(const Globals& globals, const std::vector<std::string>& args);
int unbundle(const Globals& globals, const std::vector<std::string>& args);
int mount(const Globals& globals, const std::vector<std::string>& args);
int unmount(const Globals& globals, const std::vector<std::string>& args);
int container(const Globals& globals, const std::vector<std::string>& args);
int rm(const Globals& globals, const std::vector<std::string>& args);
int tag(const Globals& globals, const std::vector<std::string>& args);
int history(const Globals& globals, const std::vector<std::string>& args);
int export_image(const Globals& globals, const std::vector<std::string>& args);
int save(const Globals& globals, const std::vector<std::string>& args);
int verify(const Globals& globals, const std::vector<std::string>& args);
int diff(const Globals& globals, const std::vector<std::string>& args);
int df(const Globals& globals, const std::vector<std::string>& args);
int prune(const Globals& globals, const std::vector<std::string>& args);
}  // namespace commands

}  // namespace rocker
