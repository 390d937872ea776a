// Pipeline: the life of every request of one client, from submission to its
// final answer: what waits for what, what may go out now, what is repeated
// and when. Pure: no socket, no clock; time is an argument.
//
// A request is held (behind a request that waits for everything), queued (behind
// an earlier one of its identifier), ready, in flight, or backing off. Its place
// in the order is kept until finish(), also through continue_with().
//
// Entries live in reused places; submitting, sending, answering and finishing are
// O(1) without a retry, O(log n) with one. Requests whose identifiers share a
// 64-bit hash wait for each other, which costs time and nothing else.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "clients/cpp/newest_by_hash.h"
#include "clients/cpp/request.h"
#include "clients/cpp/retry_policy.h"

namespace spex::client {

// A place and how often it was used before; below 2^62, never used twice.
using RequestId = std::uint64_t;

struct PipelineOptions {
  RetryPolicy retry;
  base::Duration request_timeout = std::chrono::seconds(10);  // per attempt
  bool keys = true;                                           // mutating requests carry a request key
  std::uint64_t first_key = 1;
  std::uint64_t seed = 1;  // of the jitter
};

class Pipeline {
 public:
  explicit Pipeline(PipelineOptions options);

  RequestId submit(Request&& request, base::MonotonicTime now);
  // The request takes the place of `id`, whose answer was final; it goes out next.
  RequestId continue_with(RequestId id, Request&& request, base::MonotonicTime now);
  // The request is over: those that waited for it may go.
  void finish(RequestId id, base::MonotonicTime now);

  // Ready requests in order, at most `limit`; each must be told sent() or given back at once.
  std::vector<RequestId> take_ready(std::size_t limit);
  bool has_ready() const { return !ready_.empty(); }
  void sent(RequestId id, base::MonotonicTime now);
  void give_back(const std::vector<RequestId>& ids);  // in the order they were taken
  // Until unpark(): an async request that has no credit.
  void park(RequestId id) { parked_.push_back(id); }
  void unpark();
  std::size_t parked() const { return parked_.size(); }

  const Request& request(RequestId id) const { return entry(id).request; }
  bool is_async(RequestId id) const { return entry(id).info->is_async; }
  std::optional<std::uint64_t> key(RequestId id) const { return entry(id).key; }
  unsigned attempts(RequestId id) const { return entry(id).attempts; }
  // For tables beside this one: the place of a request, below places(); kept by continue_with().
  static std::size_t place_of(RequestId id) { return static_cast<std::size_t>(id & kPlaceMask); }
  std::size_t places() const { return entries_.size(); }
  std::uint32_t timeout_ms() const;

  // A reply came: `error` is empty for ok and for errors that this library does not know.
  // `repeated`: it will go out again. `stray`: nobody waits for it.
  enum class Fate : std::uint8_t { final, repeated, stray };
  Fate answered(RequestId id, std::optional<base::Reason> error, base::MonotonicTime now);

  // Requests that came to an end without a reply; the caller must finish() them.
  struct Failure {
    RequestId id;
    bool was_sent;  // false: it never left this process
  };
  // What was sent before `sent_before` has lost its router: repeated at once if that is
  // harmless, otherwise its reply is awaited for `grace` more at most.
  void lost(base::MonotonicTime sent_before, base::Duration grace, base::MonotonicTime now);
  // Everything that waits for the connection comes to an end.
  void fail_all(std::vector<Failure>& failures);
  // Does what is due.
  void advance(base::MonotonicTime now, std::vector<Failure>& failures);
  std::optional<base::MonotonicTime> next_due() const;

  std::size_t size() const { return size_; }
  std::size_t in_flight() const { return in_flight_; }
  std::uint64_t repeats() const { return repeats_; }

 private:
  using Place = NewestByHash::Place;
  static constexpr Place kNone = NewestByHash::kNone;
  static constexpr int kPlaceBits = 28;
  static constexpr RequestId kPlaceMask = (RequestId{1} << kPlaceBits) - 1;

  enum class Phase : std::uint8_t { free, held, queued, ready, in_flight, backing_off, over };
  enum class DueIn : std::uint8_t { ready_list, flight_list, tree };
  struct Entry {
    Request request;
    const protocol::OperationInfo* info = nullptr;
    RequestId id = 0;
    std::uint64_t serial = 0;  // order of submission
    std::uint64_t hash = 0;    // of the identifier, if it is ordered by it
    Phase phase = Phase::free;
    std::optional<std::uint64_t> key;
    unsigned attempts = 0;
    unsigned failures = 0;
    Place behind = kNone;  // the next request of the same identifier
    std::optional<base::MonotonicTime> ready_since;
    base::MonotonicTime sent_at;
    std::optional<base::MonotonicTime> due;
    DueIn due_in = DueIn::tree;
    Place due_before = kNone;
    Place due_after = kNone;
  };
  // Due times that come in order, which is the rule, need no tree.
  struct DueList {
    Place head = kNone;
    Place tail = kNone;
  };

  const Entry& entry(RequestId id) const {
    const std::size_t place = place_of(id);
    SPEX_ASSERT(place < entries_.size() && entries_[place].id == id && entries_[place].phase != Phase::free);
    return entries_[place];
  }
  Entry& entry(RequestId id) { return const_cast<Entry&>(std::as_const(*this).entry(id)); }
  RequestId add(Request&& request);
  void fill(Place place, Request&& request);
  void admit(RequestId id, base::MonotonicTime now);
  void make_ready(Entry& entry, base::MonotonicTime now);
  void release_held(base::MonotonicTime now);
  void leave_flight(Entry& entry);
  DueList& due_list(DueIn which) { return which == DueIn::ready_list ? ready_due_ : flight_due_; }
  void set_due(Entry& entry, std::optional<base::MonotonicTime> due);
  void forget_due(Entry& entry);
  // The entry that is due first; null: none.
  const Entry* first_due() const;
  void end(Entry& entry);
  static bool is_harmless(const Entry& entry) { return entry.key || !entry.info->mutates; }
  // Schedules the next attempt; false if there is none.
  bool repeat(Entry& entry, std::optional<base::Reason> error, base::MonotonicTime now);
  base::MonotonicTime gives_up_at(const Entry& entry) const { return *entry.ready_since + options_.retry.give_up; }

  PipelineOptions options_;
  std::mt19937_64 random_;
  std::uint64_t next_serial_ = 1;
  std::uint64_t next_key_;
  std::vector<Entry> entries_;
  std::vector<Place> free_;
  std::size_t size_ = 0;
  NewestByHash newest_;  // of each identifier's requests
  std::deque<RequestId> held_;
  std::deque<RequestId> ready_;
  std::vector<RequestId> parked_;
  DueList ready_due_;
  DueList flight_due_;
  std::set<std::pair<base::MonotonicTime, Place>> due_tree_;
  std::size_t admitted_ = 0;
  std::size_t in_flight_ = 0;
  bool barrier_under_way_ = false;
  std::uint64_t repeats_ = 0;
};

}  // namespace spex::client
