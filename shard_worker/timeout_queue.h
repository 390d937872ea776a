// TimeoutQueue: when which instance has gone too long without a record. In
// memory only; rebuilt at start from the newest records. Runs on the monotonic
// clock, so that a step of the wall clock fires nothing and delays nothing; the wall clock
// counts only for the time during which the process was not there.
//
// At most one heap entry per instance at rest: a new record writes one number,
// and an entry that comes up too early is put back. Amortised O(log n) per time-out.
#pragma once

#include <cstdint>
#include <optional>
#include <queue>
#include <vector>

#include "base/clock.h"
#include "store/instance_store.h"

namespace spex::shard_worker {

class TimeoutQueue {
 public:
  // A record was made `age` microseconds ago, and the next is due within `timeout` of it.
  void record(store::InstanceNumber number, base::MonotonicTime now, std::int64_t timeout, std::int64_t age = 0);

  // An instance whose entry has come up; nothing if none has. The caller then
  // asks is_due() and reports, or puts it back, or forgets it.
  std::optional<store::InstanceNumber> pop(base::MonotonicTime now);
  // Whether the newest record is older than `timeout`. If not, the instance is put back.
  bool is_due_or_put_back(store::InstanceNumber number, base::MonotonicTime now, std::int64_t timeout);

  std::optional<base::MonotonicTime> next() const;
  std::size_t size() const { return heap_.size(); }
  void clear();

 private:
  using Micros = std::int64_t;  // of the monotonic clock; 0: never
  struct Entry {
    Micros due;
    std::uint32_t number;
    bool operator>(const Entry& other) const { return due > other.due; }
  };

  void arm(std::uint32_t number, Micros due);

  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> heap_;
  std::vector<Micros> armed_;   // by number: the entry that counts
  std::vector<Micros> latest_;  // by number: the newest record
};

}  // namespace spex::shard_worker
