// How far an import is: a line on a terminal that is written over, or a line now and then, as text or JSON.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace rocker {

class Progress {
 public:
  enum class Style { none, terminal, plain, json };

  // "auto", "plain", "none" or "json"; auto is a bar where stderr is a terminal, and nothing elsewhere.
  static Style parse(std::string_view text);

  // total is the size of the input in bytes, 0 when it is not known.
  Progress(Style style, std::string what, std::uint64_t total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // So many bytes of the input were read and so many entries made. Cheap: most calls return at once.
  void update(std::uint64_t bytes, std::uint64_t entries);
  // A part of the input is done: what update() is given counts from here.
  void advance(std::uint64_t bytes) { base_ += bytes; }
  // Takes the line away.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;
  void show(std::uint64_t bytes, std::uint64_t entries, Clock::time_point now);

  Style style_;
  std::string what_;
  std::uint64_t total_, base_ = 0;
  Clock::time_point start_ = Clock::now(), next_;
  bool shown_ = false;
};

}  // namespace rocker
