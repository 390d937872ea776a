// InFlight: every request that a shard was given, or will be given, and that is
// not answered yet: token -> whom to answer, deadline, shard, incarnation.
//
// A token is never used twice in the life of a router, so that a late reply
// finds nothing. Entries are pooled; add, find and remove are O(1) and allocate
// only while the pool grows. Deadlines stand in a wheel of 10 ms steps, so they
// are met 0 to 10 ms late. Pure: time is an argument. The bound is the caller's
// (count and bytes per shard are kept for it).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/strong_id.h"
#include "protocol/messages.h"
#include "router/peer_table.h"

namespace spex::router {

using Token = std::uint64_t;

constexpr std::uint32_t kNoScatter = 0xffffffff;

struct InFlightRequest {
  // Set by add().
  Token token = 0;
  base::ShardId shard;
  base::MonotonicTime deadline;
  std::uint32_t bytes = 0;
  // Set by the caller.
  const protocol::OperationInfo* operation = nullptr;
  std::uint64_t sequence = 0;      // place in the shard's outgoing queue
  ReplyTo reply_to;                // unused by async requests and parts of scattered ones
  std::string id;                  // encoded request id
  std::uint64_t client = 0;        // 0: none
  std::uint64_t async_number = 0;  // 0: not async
  std::uint32_t scatter = kNoScatter;
};

class InFlight {
 public:
  InFlight(std::uint32_t shards, base::MonotonicTime now);

  // The reference is valid until the next add().
  InFlightRequest& add(base::ShardId shard, base::MonotonicTime deadline, std::uint32_t bytes);
  InFlightRequest* find(Token token);
  void remove(Token token);

  std::size_t count() const { return count_; }
  std::uint32_t count(base::ShardId shard) const { return shards_[shard.value()].count; }
  std::uint64_t bytes(base::ShardId shard) const { return shards_[shard.value()].bytes; }

  // Appends the tokens of one shard, oldest first.
  void list(base::ShardId shard, std::vector<Token>& out) const;
  // Appends the tokens whose deadline has come, for the caller to remove.
  void list_due(base::MonotonicTime now, std::vector<Token>& out);

 private:
  static constexpr std::uint32_t kNone = 0xffffffff;
  static constexpr std::size_t kSteps = 4096;
  static constexpr std::int64_t kStepNanoseconds = 10'000'000;

  struct Link {
    std::uint32_t previous = kNone;
    std::uint32_t next = kNone;
  };
  struct Slot {
    InFlightRequest request;
    std::uint32_t generation = 1;
    bool used = false;
    std::uint32_t step = 0;
    Link of_shard;
    Link of_step;
  };
  struct ShardList {
    std::uint32_t head = kNone;
    std::uint32_t tail = kNone;
    std::uint32_t count = 0;
    std::uint64_t bytes = 0;
  };

  std::int64_t step_of(base::MonotonicTime time) const;
  void link(std::uint32_t index);
  void unlink(std::uint32_t index);

  base::MonotonicTime start_;
  std::int64_t done_until_ = 0;  // steps before this one have been looked at
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
  std::vector<ShardList> shards_;  // by number; 0 is unused
  std::vector<std::uint32_t> wheel_;
  std::size_t count_ = 0;
};

}  // namespace spex::router
