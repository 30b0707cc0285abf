#include "rocker-image/source.hh"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>

#include "spec/support/error.hh"
#include "spec/support/str.hh"

namespace rocker {

std::size_t read_fully(Source& source, char* buffer, std::size_t size) {
  std::size_t used = 0;
  while (used < size) {
    const std::size_t got = source.read(buffer + used, size - used);
    if (got == 0) break;
    used += got;
  }
  return used;
}

Cancel::Cancel() : event_(::eventfd(0, EFD_CLOEXEC)) {
  if (!event_) throw system_error("eventfd");
}

void Cancel::set() {
  set_.store(true, std::memory_order_relaxed);
  const std::uint64_t one = 1;
  // It can only fail when it is set already.
  [[maybe_unused]] const auto wrote = ::write(event_.get(), &one, sizeof one);
}

void Cancel::throw_if_set() const {
  if (is_set()) throw Error("interrupted", ECANCELED);
}

FileSource::FileSource(int fd, std::string name, Cancel* cancel)
    : fd_(fd), name_(std::move(name)), cancel_(cancel) {
  struct stat st {};
  if (::fstat(fd, &st) < 0) throw system_error(cat("stat ", name_));
  pollable_ = cancel != nullptr && !S_ISREG(st.st_mode);
  if (S_ISREG(st.st_mode)) ::posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
}

FileSource::FileSource(int fd, std::string name, Cancel* cancel, Range range)
    : FileSource(fd, std::move(name), cancel) {
  ranged_ = true;
  range_ = range;
}

void FileSource::wait_for_data() {
  pollfd wanted[] = {{fd_, POLLIN, 0}, {cancel_->fd(), POLLIN, 0}};
  while (::poll(wanted, 2, -1) < 0 && errno == EINTR) {
  }
  if (wanted[1].revents != 0) throw Error("interrupted", ECANCELED);
}

std::size_t FileSource::read(char* buffer, std::size_t size) {
  const std::uint64_t at = position();
  if (ranged_) size = static_cast<std::size_t>(std::min<std::uint64_t>(size, range_.size - at));
  if (size == 0) return 0;
  if (cancel_ != nullptr) cancel_->throw_if_set();
  for (;;) {
    if (pollable_) wait_for_data();
    const ssize_t got = ranged_ ? ::pread(fd_, buffer, size, static_cast<off_t>(range_.start + at))
                                : ::read(fd_, buffer, size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw system_error(cat("read at byte ", at));
    if (got == 0 && ranged_)
      throw Error(cat("ends at byte ", range_.start + at, ", in the middle of a member"));
    if (hashing_) hash_.update(buffer, static_cast<std::size_t>(got));
    position_.store(at + static_cast<std::uint64_t>(got), std::memory_order_relaxed);
    return static_cast<std::size_t>(got);
  }
}

std::size_t PrependedSource::read(char* buffer, std::size_t size) {
  if (at_ == head_.size()) return rest_.read(buffer, size);
  const std::size_t step = std::min(size, head_.size() - at_);
  std::memcpy(buffer, head_.data() + at_, step);
  at_ += step;
  return step;
}

}  // namespace rocker
