// Pipeline: the life of every request of one client, from submission to its
// final answer: what waits for what, what may go out now, what is repeated
// and when. Pure: no socket, no clock; time is an argument.
//
// A request is held (behind a request that waits for everything), queued (behind
// an earlier one of its identifier), ready, in flight, or backing off. Its place
// in the order is kept until finish(), also through continue_with().
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "clients/cpp/request.h"
#include "clients/cpp/retry_policy.h"

namespace spex::client {

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

  RequestId submit(Request request, base::MonotonicTime now);
  // The request takes the place of `id`, whose answer was final; it goes out next.
  RequestId continue_with(RequestId id, Request request, base::MonotonicTime now);
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

  const Request& request(RequestId id) const { return entries_.at(id).request; }
  std::optional<std::uint64_t> key(RequestId id) const { return entries_.at(id).key; }
  unsigned attempts(RequestId id) const { return entries_.at(id).attempts; }
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

  std::size_t size() const { return entries_.size(); }
  std::size_t in_flight() const { return in_flight_; }
  std::uint64_t repeats() const { return repeats_; }

 private:
  enum class Phase : std::uint8_t { held, queued, ready, in_flight, backing_off, over };
  struct Entry {
    Request request;
    Phase phase = Phase::held;
    std::optional<std::uint64_t> key;
    unsigned attempts = 0;
    unsigned failures = 0;
    std::optional<base::MonotonicTime> ready_since;
    base::MonotonicTime sent_at;
    std::optional<base::MonotonicTime> due;
  };
  RequestId add(Request request);
  void admit(RequestId id, base::MonotonicTime now);
  void make_ready(RequestId id, Entry& entry, base::MonotonicTime now);
  void release_held(base::MonotonicTime now);
  void leave_flight(Entry& entry);
  void set_due(RequestId id, Entry& entry, std::optional<base::MonotonicTime> due);
  void end(RequestId id, Entry& entry);
  bool is_harmless(const Entry& entry) const;
  // Schedules the next attempt; false if there is none.
  bool repeat(RequestId id, Entry& entry, std::optional<base::Reason> error, base::MonotonicTime now);
  base::MonotonicTime gives_up_at(const Entry& entry) const { return *entry.ready_since + options_.retry.give_up; }

  PipelineOptions options_;
  std::mt19937_64 random_;
  RequestId next_id_ = 1;
  std::uint64_t next_key_;
  std::unordered_map<RequestId, Entry> entries_;
  std::unordered_map<std::string, std::deque<RequestId>> queues_;  // by identifier; the front one is under way
  std::deque<RequestId> held_;
  std::deque<RequestId> ready_;
  std::vector<RequestId> parked_;
  std::set<std::pair<base::MonotonicTime, RequestId>> due_;
  std::size_t admitted_ = 0;
  std::size_t in_flight_ = 0;
  bool barrier_under_way_ = false;
  std::uint64_t repeats_ = 0;
};

}  // namespace spex::client
