#include "lts/line_source.h"

#include <cstring>
#include <string>

namespace spex::lts {

base::Result<void> LineSource::find_end(std::size_t from) {
  while (true) {
    const void* newline = std::memchr(buffer_.data() + from, '\n', filled_ - from);
    if (newline == nullptr && !at_end_ && filled_ - begin_ <= kLineBytesMax) {
      SPEX_TRY_ASSIGN(from, refill());
      continue;
    }
    end_ = newline == nullptr ? filled_ : static_cast<std::size_t>(static_cast<const char*>(newline) - buffer_.data());
    if (end_ - begin_ > kLineBytesMax) {
      const std::string line = std::to_string(number_);
      return base::fail(base::Reason::too_large, "read " + source_.name() + " line " + line + ": longer than " +
                                                     std::to_string(kLineBytesMax) + " bytes")
          .with("line", line);
    }
    next_ = newline == nullptr ? end_ : end_ + 1;
    next_number_ += newline == nullptr ? 0 : 1;
    return {};
  }
}

base::Result<std::size_t> LineSource::refill() {
  std::memmove(buffer_.data(), buffer_.data() + begin_, filled_ - begin_);
  filled_ -= begin_;
  begin_ = 0;
  const std::size_t unread = filled_;
  if (filled_ > buffer_.size() / 2) buffer_.resize(buffer_.size() * 2);
  SPEX_TRY_ASSIGN(const std::size_t count, source_.read(buffer_.data() + filled_, buffer_.size() - kPadding - filled_));
  filled_ += count;
  buffer_[filled_] = '\0';
  at_end_ = count == 0;
  return unread;
}

base::Result<bool> LineSource::next() {
  begin_ = end_ = next_;
  number_ = next_number_;
  SPEX_TRY(find_end(begin_));
  return next_ > begin_;
}

base::Result<bool> LineSource::extend() {
  const std::size_t before = end_ - begin_;
  if (next_ == end_) return false;  // the last line had no newline
  SPEX_TRY(find_end(next_));
  return end_ - begin_ > before;
}

}  // namespace spex::lts
