// What the rooms of containers/ need no container for.
#include <criterion/criterion.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "rocker-image/containers/process.hh"
#include "spec/support/error.hh"

using namespace rocker;

Test(containers, a_signal_goes_to_one_process_and_is_no_error_when_it_has_ended) {
  const pid_t pid = ::fork();
  cr_assert(pid >= 0);
  if (pid == 0) {
    for (;;) ::pause();
  }
  const UniqueFd process = containers::open_pid(pid);
  cr_assert(process);
  std::string said;
  try {
    containers::send_signal(process.get(), 1000, "container web");
  } catch (const Error& error) {
    said = error.what();
    cr_expect(error.errno_value() == EINVAL);
  }
  cr_expect(said.starts_with("send signal 1000 to container web: "), "%s", said.c_str());
  containers::send_signal(process.get(), SIGTERM, "container web");
  int status = 0;
  cr_assert(::waitpid(pid, &status, 0) == pid);
  cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
  containers::send_signal(process.get(), SIGTERM, "container web");
  cr_expect(!containers::open_pid(pid));
}
