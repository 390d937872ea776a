#include "ctl/line_input.h"

#include <unistd.h>

#include <cerrno>

namespace spex::ctl {

void LineInput::fill() {
  constexpr std::size_t kChunk = 64 * 1024;
  if (ended_) return;
  if (taken_ > kChunk) {
    buffer_.erase(0, taken_);
    searched_ -= taken_;
    taken_ = 0;
  }
  const std::size_t before = buffer_.size();
  buffer_.resize(before + kChunk);
  const ssize_t got = ::read(fd_, buffer_.data() + before, kChunk);
  buffer_.resize(before + static_cast<std::size_t>(got > 0 ? got : 0));
  if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)) ended_ = true;
}

std::optional<std::string> LineInput::next() {
  const std::size_t end = buffer_.find('\n', searched_);
  if (end != std::string::npos) {
    std::string line = buffer_.substr(taken_, end - taken_);
    taken_ = searched_ = end + 1;
    return line;
  }
  searched_ = buffer_.size();
  const bool is_too_long = buffer_.size() - taken_ > kLineBytesMax;
  if ((!ended_ && !is_too_long) || taken_ >= buffer_.size()) return std::nullopt;
  std::string line = buffer_.substr(taken_);
  taken_ = searched_ = buffer_.size();
  return line;
}

}  // namespace spex::ctl
