#include "router/outgoing_queue.h"

#include <utility>

namespace spex::router {

std::uint64_t OutgoingQueue::append(const protocol::BackendRequest& request) {
  const bool is_full = !frames_.empty() &&
                       (frames_.back().bytes.size() >= kFrameBytesSoft || frames_.back().requests >= kFrameRequestsMax);
  if (frames_.empty() || is_full) {
    frames_.push_back({std::exchange(spare_, {}), 0});
    frames_.back().bytes.clear();
    protocol::begin_requests(frames_.back().bytes);
  }
  protocol::append(frames_.back().bytes, request);
  ++frames_.back().requests;
  return next_++;
}

void OutgoingQueue::pop_sent() {
  sent_until_ += frames_.front().requests;
  recycle(std::move(frames_.front()));
  frames_.pop_front();
}

void OutgoingQueue::drop() {
  frames_.clear();
  sent_until_ = next_;
}

void OutgoingQueue::recycle(Frame frame) {
  if (frame.bytes.capacity() > spare_.capacity() && frame.bytes.capacity() <= 2 * kFrameBytesSoft) {
    spare_ = std::move(frame.bytes);
  }
}

}  // namespace spex::router
