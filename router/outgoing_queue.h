// OutgoingQueue: the requests to one shard that its socket was not given yet,
// packed into frames. What is in it was not executed; what left it may have been.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "protocol/backend.h"

namespace spex::router {

class OutgoingQueue {
 public:
  // The place of the request in the order of the shard.
  std::uint64_t append(const protocol::BackendRequest& request);
  bool was_sent(std::uint64_t place) const { return place < sent_until_; }

  bool empty() const { return frames_.empty(); }
  std::uint64_t requests() const { return next_ - sent_until_; }
  std::string_view front() const { return frames_.front().bytes; }
  void pop_sent();  // the front frame is the socket's now
  void drop();      // forgets what was not sent

 private:
  // A frame is closed when it has this much; the next request begins another.
  static constexpr std::size_t kFrameBytesSoft = 1u << 20;
  static constexpr std::uint32_t kFrameRequestsMax = 1024;

  struct Frame {
    std::string bytes;
    std::uint32_t requests = 0;
  };
  void recycle(Frame frame);

  std::deque<Frame> frames_;
  std::string spare_;  // the storage of a frame that was sent
  std::uint64_t next_ = 0;
  std::uint64_t sent_until_ = 0;
};

}  // namespace spex::router
