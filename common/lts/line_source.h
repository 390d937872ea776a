// LineSource: the lines of a ByteSource, without copying them one by one.
//
// A line may be extended by the line after it, for a quoted label with a
// newline in it. Lines are bounded, so hostile input cannot fill the memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "lts/byte_source.h"

namespace spex::lts {

class LineSource {
 public:
  static constexpr std::size_t kLineBytesMax = 16U << 20U;

  // So many bytes behind rest() may be read; the first is 0.
  static constexpr std::size_t kPadding = 8;

  explicit LineSource(ByteSource& source) : source_(source), buffer_((1U << 18U) + kPadding) {}

  // Goes to the next line; false at the end of the input.
  base::Result<bool> next();
  // Adds the next line, with the newline between; false at the end of the input.
  base::Result<bool> extend();
  // Without its newline; valid until next() or extend().
  std::string_view line() const { return {buffer_.data() + begin_, end_ - begin_}; }
  // What has been read of the lines after this one; it ends anywhere.
  std::string_view rest() const { return {buffer_.data() + next_, filled_ - next_}; }
  // Passes over the first `bytes` of rest(), which are one line with its newline.
  void skip_line(std::size_t bytes) {
    next_ += bytes;
    ++next_number_;
  }
  // Of the line's beginning, from 1.
  std::uint64_t number() const { return number_; }

 private:
  // Sets end_ to the first newline at or after `from`, or the end of the input, reading on as needed.
  base::Result<void> find_end(std::size_t from);

  // Moves the line to the front and reads on; the first place that was not there before.
  base::Result<std::size_t> refill();

  ByteSource& source_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;   // of the line
  std::size_t end_ = 0;     // of the line, where its newline stands
  std::size_t filled_ = 0;  // of the buffer
  std::size_t next_ = 0;    // where the line after this one begins
  std::uint64_t number_ = 0;
  std::uint64_t next_number_ = 1;
  bool at_end_ = false;
};

}  // namespace spex::lts
