// The commands of rocker-runc: one file each. A start defines the options of the one command that it runs.
#pragma once

#include <string>
#include <vector>

#include "rocker-runc/container.hh"

namespace rocker::commands {

struct Globals {
  std::string root;
  bool systemd_cgroup = false;
  bool rootless = false;
  bool called_runc = false;  // by that name: a lone positional of `run` is always the ID
  int interrupts = 0;        // --interrupts: the terminal's Ctrl-C that kills a container; 0 is none
};

struct Command {
  const char* name;
  const char* summary;
  int (*run)(const Globals& globals, const std::vector<std::string>& args);
};

// Ends with an entry whose name is null.
extern const Command table[];

int checkpoint(const Globals&, const std::vector<std::string>&);
int create(const Globals&, const std::vector<std::string>&);
int delete_(const Globals&, const std::vector<std::string>&);
int events(const Globals&, const std::vector<std::string>&);
int exec(const Globals&, const std::vector<std::string>&);
int features(const Globals&, const std::vector<std::string>&);
int kill(const Globals&, const std::vector<std::string>&);
int list(const Globals&, const std::vector<std::string>&);
int pause(const Globals&, const std::vector<std::string>&);
int ps(const Globals&, const std::vector<std::string>&);
int restore(const Globals&, const std::vector<std::string>&);
int resume(const Globals&, const std::vector<std::string>&);
int run(const Globals&, const std::vector<std::string>&);
int spec(const Globals&, const std::vector<std::string>&);
int start(const Globals&, const std::vector<std::string>&);
int state(const Globals&, const std::vector<std::string>&);
int update(const Globals&, const std::vector<std::string>&);

}  // namespace rocker::commands
