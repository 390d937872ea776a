// Shard: everything one shard worker keeps and works with, and its whole logic
// but for sockets, signals and threads: `(request, now) -> answer`. The worker
// (worker.h) feeds it batches, commits, and sends what is in Answers; tests do
// the same without sockets.
//
// A request that has to wait for a bisimilarity check or a change of its model,
// and later requests of the same identifier, are put aside here and come back
// through take_ready().
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "conformance/text_problem.h"
#include "protocol/shard_map.h"
#include "shard_worker/bulk_deletions.h"
#include "shard_worker/catalogue.h"
#include "shard_worker/checks.h"
#include "shard_worker/clock_steps.h"
#include "shard_worker/listing_pace.h"
#include "shard_worker/model_changes.h"
#include "shard_worker/request.h"
#include "shard_worker/timeout_queue.h"
#include "store/instance_store.h"

namespace spex::shard_worker {

struct Counters {
  std::uint64_t requests = 0;
  std::uint64_t deviations_still_equivalent = 0;
  std::uint64_t deviations_not_equivalent = 0;
  std::uint64_t timeouts = 0;
  std::uint64_t pruned = 0;
  std::uint64_t errors_reported = 0;  // passed an error policy, accepted or not
  std::uint64_t overloaded = 0;
};

// Requests that wait for a verdict or a change of a model, and behind them others of their identifier.
class WaitingRequests {
 public:
  // `identifier` empty: the request asks for the verdict itself and holds up nobody.
  void add(std::uint64_t ticket, std::string_view identifier, const Incoming& incoming);
  // Whether a request of this identifier waits; then the next one must, too.
  bool holds(std::string_view identifier) const;
  void add_behind(std::string_view identifier, const Incoming& incoming);
  struct Released {
    std::vector<StoredRequest> askers;  // that asked for the verdict itself
    std::vector<StoredRequest> again;   // to be executed now: each with its followers, in order of arrival
  };
  Released release(std::uint64_t ticket);
  std::size_t size() const { return size_; }

 private:
  struct OfTicket {
    std::vector<StoredRequest> askers;
    std::vector<std::string> identifiers;
  };
  std::unordered_map<std::uint64_t, OfTicket> by_ticket_;
  std::unordered_map<std::string, std::vector<StoredRequest>> by_identifier_;
  std::size_t size_ = 0;
};

class Shard {
 public:
  Shard(base::ShardId id, protocol::SlotMap slots, config::Config config, store::InstanceStore& instances,
        CheckRunner& runner);

  // Executes one request; appends its answer unless it has to wait.
  void execute(const Incoming& incoming, Now now, Answers& answers);
  // Answers one request with `error` and executes nothing.
  static void refuse(const Incoming& incoming, const base::Error& error, Answers& answers);
  // Whether it may change anything; so it is refused while the disk is full.
  static bool is_mutating(const Incoming& incoming);

  // A check ended: answers those who asked for the verdict; what waited for it is then in take_ready().
  void on_verdict(std::uint64_t ticket, KnownJudgement judgement, Answers& answers);
  // What waits for this ticket waits no longer.
  void resume(std::uint64_t ticket);
  std::vector<StoredRequest> take_ready() { return std::exchange(ready, {}); }
  bool has_ready() const { return !ready.empty(); }

  // After a failed commit: the store went back to the file; so does what is kept here.
  base::Result<void> recover(Now now);

  // What the parts of the shard share. Handlers are free functions on it.
  const base::ShardId id;
  const protocol::SlotMap slots;
  config::Config config;
  store::InstanceStore& store;
  Catalogue catalogue;
  Checks checks;
  ModelChanges changes;
  WaitingRequests waiting;
  std::vector<StoredRequest> ready;
  BulkDeletions deletions;
  ListingPace listing;
  TimeoutQueue timeouts;
  ClockSteps clock;
  std::vector<store::SpecificationId> sighted;  // whose models saw something that is not stored yet
  Counters counters;
  std::vector<conformance::TextProblem> problems;  // of the directories, as last read

 private:
  Disposition dispatch(Call& call);
  base::Result<void> take_identifier(Call& call);
  std::string scratch_;
};

}  // namespace spex::shard_worker
