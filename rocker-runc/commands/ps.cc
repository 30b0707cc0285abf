#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "rocker-runc/commands/commands.hh"
#include "spec/json.hh"
#include "spec/support/command_line.hh"
#include "spec/support/error.hh"
#include "spec/support/fd.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker::commands {

namespace {

constexpr std::size_t most_output = 64u << 20;

// What `ps ARGS` prints. It is the host's: the table has pids as the host sees them.
std::string run_ps(std::vector<std::string> args) {
  if (args.empty()) args.emplace_back("-ef");
  args.insert(args.begin(), "ps");
  std::vector<char*> argv;
  for (auto& arg : args) argv.push_back(arg.data());
  argv.push_back(nullptr);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) throw system_error("pipe");
  const UniqueFd out(ends[0]);
  UniqueFd in(ends[1]);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, in.get(), STDOUT_FILENO);
  pid_t pid = 0;
  const int failed = ::posix_spawnp(&pid, "ps", &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) {
    throw system_error("run ps", failed).hint("install it (Debian: procps), or ask for --format json");
  }
  in.reset();
  std::string text = read_all(out.get(), "the output of ps", most_output);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  // Its own message is on stderr already.
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    throw Error(cat("ps ", join({args.begin() + 1, args.end()}, " "), " failed"))
        .hint("give options of ps(1) behind the ID");
  }
  return text;
}

std::vector<std::string_view> words(std::string_view line) {
  std::vector<std::string_view> found;
  for (const auto word : split(line, ' ')) {
    if (!word.empty()) found.push_back(word);
  }
  return found;
}

// The heading and the lines whose PID is one of the container's.
std::string table_of(std::string_view text, const std::vector<pid_t>& pids) {
  const auto lines = split(text, '\n');
  const auto heading = words(lines[0]);
  const auto column = std::find(heading.begin(), heading.end(), "PID");
  if (column == heading.end()) {
    throw Error("ps: there is no column PID in the output of ps")
        .hint("give options of ps(1) that show it, as -ef");
  }
  const auto index = static_cast<std::size_t>(column - heading.begin());
  std::string out = cat(lines[0], "\n");
  for (const auto line : lines) {
    const auto fields = words(line);
    long long pid = 0;
    if (fields.size() <= index || !parse_number(fields[index], pid)) continue;
    if (std::find(pids.begin(), pids.end(), pid) != pids.end()) out += cat(line, "\n");
  }
  return out;
}

}  // namespace

int ps(const Globals& globals, const std::vector<std::string>& args) {
  std::string id, format = "table";
  std::vector<std::string> ps_args;
  CommandLine app(
      "ps", "ID [PS-OPTION...]",
      "Lists a container's processes, by their pids on the host. What is behind the ID goes to ps(1).");
  app.add_option("-f,--format", format, "table or json")->one_of({"table", "json"});
  app.add_option("ID", id, "the container")->required();
  if (!app.read_until(args, 1, ps_args)) return 0;
  const Container container = Container::load(globals.root, id);
  auto pids = container.need_cgroups("list the processes of").processes();
  std::sort(pids.begin(), pids.end());
  if (format == "json") {
    json::Writer w(json::Writer::Style::compact);
    w.value(pids);
    write_all(STDOUT_FILENO, cat(w.text(), "\n"), "standard output");
  } else {
    write_all(STDOUT_FILENO, table_of(run_ps(std::move(ps_args)), pids), "standard output");
  }
  return 0;
}

}  // namespace rocker::commands
