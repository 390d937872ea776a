// ReplyQueue: the replies of `batch`, given out in the order of the lines
// whatever the order in which they become known. Pure.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "base/assert.h"

namespace spex::ctl {

class ReplyQueue {
 public:
  // A place for the next line.
  std::uint64_t add() {
    waiting_.emplace_back();
    return first_ + waiting_.size() - 1;
  }
  void set(std::uint64_t place, std::string reply) {
    SPEX_ASSERT(place >= first_ && place - first_ < waiting_.size());
    bytes_ += reply.size();
    waiting_[place - first_] = std::move(reply);
  }
  // The replies up to the first that is not known yet.
  std::optional<std::string> next() {
    if (waiting_.empty() || !waiting_.front()) return std::nullopt;
    std::string reply = std::move(*waiting_.front());
    waiting_.pop_front();
    ++first_;
    bytes_ -= reply.size();
    return reply;
  }
  std::size_t size() const { return waiting_.size(); }
  std::size_t bytes() const { return bytes_; }  // of replies that wait for an earlier one

 private:
  std::deque<std::optional<std::string>> waiting_;
  std::uint64_t first_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace spex::ctl
