// LineInput: lines of a descriptor, read without blocking longer than one
// read(2), with a bound on their length.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace spex::ctl {

class LineInput {
 public:
  // A longer line comes in pieces, none of which is a request.
  static constexpr std::size_t kLineBytesMax = 32u << 20;

  explicit LineInput(int fd) : fd_(fd) {}

  // One read; call it when the descriptor is readable.
  void fill();
  // The next whole line without its end; the last one may lack its `\n`.
  std::optional<std::string> next();
  bool at_end() const { return ended_ && taken_ >= buffer_.size(); }
  bool ended() const { return ended_; }  // nothing more will be read

 private:
  int fd_;
  bool ended_ = false;
  std::string buffer_;
  std::size_t taken_ = 0;
  std::size_t searched_ = 0;
};

}  // namespace spex::ctl
