#include "rocker-image/progress.hh"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "spec/json.hh"
#include "spec/support/error.hh"
#include "spec/support/str.hh"
#include "spec/support/units.hh"

namespace rocker {

namespace {

using std::chrono::milliseconds;

// An import that is over before this shows nothing.
constexpr milliseconds patience(500);
constexpr milliseconds terminal_interval(100), line_interval(1000);

// With its brackets.
constexpr std::size_t narrowest_bar = 8, widest_bar = 24;

std::size_t terminal_columns() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col : 80;
}

// What can't be written is no reason to stop.
void put(std::string_view text) {
  [[maybe_unused]] const auto wrote = ::write(STDERR_FILENO, text.data(), text.size());
}

std::string clock_text(std::uint64_t seconds) {
  const auto two = [](std::uint64_t n) { return cat(n < 10 ? "0" : "", n); };
  if (seconds >= 3600) return cat(seconds / 3600, ":", two(seconds / 60 % 60), ":", two(seconds % 60));
  return cat(seconds / 60, ":", two(seconds % 60));
}

}  // namespace

Progress::Style Progress::parse(std::string_view text) {
  if (text == "auto") return ::isatty(STDERR_FILENO) != 0 ? Style::terminal : Style::none;
  if (text == "plain") return Style::plain;
  if (text == "json") return Style::json;
  if (text == "none") return Style::none;
  throw Error(cat("--progress: \"", printable(text), "\" is not a style"))
      .hint("one of auto, plain, json, none");
}

Progress::Progress(Style style, std::string what, std::uint64_t total)
    : style_(style), what_(std::move(what)), total_(total), next_(start_ + patience) {}

Progress::~Progress() {
  finish();
}

void Progress::update(std::uint64_t bytes, std::uint64_t entries) {
  if (style_ == Style::none) return;
  const auto now = Clock::now();
  if (now < next_) return;
  next_ = now + (style_ == Style::terminal ? terminal_interval : line_interval);
  show(base_ + bytes, entries, now);
}

void Progress::show(std::uint64_t bytes, std::uint64_t entries, Clock::time_point now) {
  const auto elapsed = static_cast<std::uint64_t>(
      std::max<std::int64_t>(1, std::chrono::duration_cast<milliseconds>(now - start_).count()));
  const std::uint64_t rate = bytes * 1000 / elapsed;
  const std::uint64_t total = std::max(total_, total_ == 0 ? 0 : bytes);
  const std::uint64_t left = rate == 0 ? 0 : (total - std::min(total, bytes)) / rate;
  if (style_ == Style::json) {
    json::Writer w(json::Writer::Style::compact);
    w.object([&] {
      w.member("what", what_);
      w.member("bytes", bytes);
      if (total != 0) w.member("total", total);
      w.member("bytes_per_second", rate);
      w.member("entries", entries);
      if (total != 0) w.member("seconds_left", left);
    });
    put(cat(w.text(), "\n"));
    return;
  }
  std::string line = cat(format_size(bytes));
  if (total != 0) line = cat(bytes * 100 / total, "% ", line, " of ", format_size(total));
  line += cat(", ", format_size(rate), "/s, ", entries, entries == 1 ? " entry" : " entries");
  if (total != 0) line += cat(", ", clock_text(left), " left");
  if (style_ == Style::plain) {
    put(cat(printable(what_), ": ", line, "\n"));
    return;
  }
  // One that wraps could not be written over.
  const std::size_t columns = terminal_columns() - 1;
  std::string bar;
  if (total != 0 && line.size() + narrowest_bar <= columns) {
    const std::uint64_t width = std::min<std::uint64_t>(widest_bar, columns - line.size() - 3);
    const std::uint64_t done = bytes * width / total;
    bar = cat("[", std::string(done, '='), done < width ? ">" : "",
              std::string(done < width ? width - done - 1 : 0, ' '), "] ");
  }
  put(cat("\r\x1b[K", bar, line.substr(0, columns)));
  shown_ = true;
}

void Progress::finish() {
  if (std::exchange(shown_, false)) put("\r\x1b[K");
}

}  // namespace rocker
