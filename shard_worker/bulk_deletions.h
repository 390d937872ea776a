// BulkDeletions: delete_instances under way. A job scans and deletes in slices,
// one slice a turn of the loop, so that it never holds up other requests; each
// slice is committed with the batch of its turn. With a request key the
// progress is stored in the same transaction: a repeat goes on where it stopped.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "protocol/filter.h"
#include "shard_worker/request.h"

namespace spex::shard_worker {

class Shard;

struct BulkDeletion {
  std::vector<StoredRequest> askers;  // more than one when a key is repeated meanwhile
  protocol::Filter filter;
  std::optional<store::RequestKey> key;
  Now started;  // `idle` is measured at this time
  store::InstanceNumber next{1};
  std::uint64_t deleted = 0;
};

class BulkDeletions {
 public:
  static constexpr std::size_t kJobsMax = 64;
  static constexpr std::size_t kVisitsPerDeletion = 16;  // that cost about as much

  // False if there are too many.
  bool add(BulkDeletion job);
  // Adds an asker to the job of this key; false if there is none.
  bool join(const store::RequestKey& key, const Incoming& incoming);
  bool empty() const { return jobs_.empty(); }

  // One slice of the oldest job, of at most so many deletions; its answers, if that was the last one.
  void run_slice(Shard& shard, Now now, Answers& answers, std::size_t deletions_max);
  // After a failed commit: all jobs end with `error`; a repeat with the key goes on.
  void abort(const base::Error& error, Answers& answers);

 private:
  base::Result<bool> delete_some(Shard& shard, BulkDeletion& job, Now now, std::size_t deletions_max);
  std::deque<BulkDeletion> jobs_;
};

}  // namespace spex::shard_worker
