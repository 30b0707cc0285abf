#include "rocker-image/containers/k8s_log.hh"

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <deque>

#include "spec/image.hh"
#include "spec/support/error.hh"
#include "spec/support/fd.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker::containers {

namespace {

struct Line {
  std::string_view time;
  int stream = STDOUT_FILENO;
  bool partial = false;
  std::string_view text;
};

bool parse_line(std::string_view line, Line& out) {
  const auto word = [&](std::string_view& into) {
    const auto end = line.find(' ');
    if (end == std::string_view::npos) return false;
    into = line.substr(0, end);
    line.remove_prefix(end + 1);
    return true;
  };
  std::string_view stream, tag;
  if (!word(out.time) || !word(stream) || !word(tag)) return false;
  out.stream = stream == "stderr" ? STDERR_FILENO : STDOUT_FILENO;
  out.partial = tag.starts_with('P');
  out.text = line;
  return true;
}

class Printer {
 public:
  explicit Printer(const LogOptions& options) : options_(options) {}

  // A line of the file; false when it is beyond --until.
  bool take(std::string_view raw) {
    Line line;
    if (!parse_line(raw, line)) return true;
    std::int64_t when = 0;
    if ((options_.since_ns != 0 || options_.until_ns != 0) && spec::parse_utc_time(line.time, when)) {
      if (options_.since_ns != 0 && when < options_.since_ns) return true;
      if (options_.until_ns != 0 && when > options_.until_ns) return false;
    }
    std::string text;
    if (options_.timestamps && !in_line_[line.stream == STDERR_FILENO]) text = cat(line.time, " ");
    text += line.text;
    if (!line.partial) text += '\n';
    in_line_[line.stream == STDERR_FILENO] = line.partial;
    if (options_.tail >= 0 && !live_) {
      keep(line.stream, std::move(text), line.partial);
    } else {
      write_all(line.stream, text, "the log");
    }
    return true;
  }

  // From here on everything is printed as it comes: what --tail kept goes first.
  void go_live() {
    live_ = true;
    for (const auto& [stream, text] : kept_) write_all(stream, text, "the log");
    kept_.clear();
  }

 private:
  void keep(int stream, std::string text, bool partial) {
    if (joined_ && !kept_.empty() && kept_.back().first == stream) {
      kept_.back().second += text;
    } else {
      kept_.emplace_back(stream, std::move(text));
      if (kept_.size() > static_cast<std::size_t>(options_.tail)) kept_.pop_front();
    }
    joined_ = partial;
  }

  const LogOptions& options_;
  std::deque<std::pair<int, std::string>> kept_;
  bool in_line_[2] = {false, false};
  bool joined_ = false;
  bool live_ = false;
};

}  // namespace

void show_log(const std::string& path, const LogOptions& options, bool (*running)(void* context),
              void* context) {
  // Watched before it is read, so that nothing falls between.
  UniqueFd watch;
  if (options.follow) {
    watch = UniqueFd(::inotify_init1(IN_CLOEXEC));
    if (!watch) throw system_error("inotify_init1");
    ::inotify_add_watch(watch.get(), path.c_str(),
                        IN_MODIFY | IN_MOVE_SELF | IN_DELETE_SELF | IN_ATTRIB | IN_CLOSE_WRITE);
  }
  UniqueFd file = open_path(path, O_RDONLY);
  Printer printer(options);
  std::string pending;
  char buffer[64 << 10];
  bool last_round = false;
  for (;;) {
    const ssize_t got = ::read(file.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw system_error(cat("read ", path));
    if (got > 0) {
      pending.append(buffer, static_cast<std::size_t>(got));
      std::size_t start = 0;
      for (std::size_t end; (end = pending.find('\n', start)) != std::string::npos; start = end + 1) {
        if (!printer.take(std::string_view(pending).substr(start, end - start))) {
          printer.go_live();
          return;
        }
      }
      pending.erase(0, start);
      continue;
    }
    printer.go_live();
    if (!options.follow || last_round) return;
    // conmon starts a log that has grown to --log-opt max-size anew: under the name is another file then.
    struct stat opened {
    }, named{};
    if (::fstat(file.get(), &opened) == 0 && ::stat(path.c_str(), &named) == 0 &&
        (opened.st_ino != named.st_ino || named.st_size < ::lseek(file.get(), 0, SEEK_CUR))) {
      file = open_path(path, O_RDONLY);
      ::inotify_add_watch(watch.get(), path.c_str(),
                          IN_MODIFY | IN_MOVE_SELF | IN_DELETE_SELF | IN_CLOSE_WRITE);
      continue;
    }
    if (!running(context)) {
      last_round = true;  // what came between the read and the end
      continue;
    }
    // The end of a container writes nothing to its log: look again now and then.
    struct pollfd poll_fd {
      watch.get(), POLLIN, 0
    };
    constexpr int milliseconds = 200;
    if (::poll(&poll_fd, 1, milliseconds) > 0 && ::read(watch.get(), buffer, sizeof buffer) < 0 &&
        errno != EINTR) {
      throw system_error("read of inotify");
    }
  }
}

}  // namespace rocker::containers
