// Finding the program in the container, executing it, and saying what was wrong with it.
#pragma once

#include <string>
#include <vector>

#include "spec/support/error.hh"

namespace rocker::process {

// In the child, inside the container, as its user: the file that execve will get for args[0], looked for on
// the PATH of env as execvp(3) would. Throws the Error of explain_exec_failure when there is none.
std::string find_program(const std::string& name, const std::vector<std::string>& env);

// In the child, when its root is ready: throws, already for create, when there is no such program to start
// later, as far as that can be told before the user and the working directory are set. Engines ask for the
// exit status 127 there.
void check_program(const std::string& name, const std::vector<std::string>& env);

// Why execve of this file failed with that errno, found out by looking: the file is missing (and on which
// PATH it was looked for), its #! interpreter or its ELF interpreter is missing, the wrong architecture (both
// named), not executable by this user, on a noexec mount, a directory, a broken link. exit_status() is 127
// for "not found" and 126 for "not executable". The words that engines look for stay in the text: `exec: "x":
// executable file not found in $PATH`, "no such file or directory", "permission denied".
Error explain_exec_failure(const std::string& path, int errno_value, const std::vector<std::string>& env);

}  // namespace rocker::process
