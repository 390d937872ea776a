// Subscription: every event of every shard, in order per shard, at least once,
// each with its shard and number; across restarts of anything; catching up after
// an absence. It pulls (read_events), one page per shard under way, the next when
// the last was taken: a slow subscriber keeps nobody waiting but itself.
//
// What has been kept no longer, or was damaged, is told as a gap. Whoever stores
// positions() together with the effect of the events has each event exactly once.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "clients/cpp/client.h"

namespace spex::client {

struct Event {
  std::uint32_t shard = 0;
  std::uint64_t number = 0;
  base::Timestamp at = 0;
  protocol::Value body;
};

// What one shard delivered at once, in order.
struct EventPage {
  struct Gap {
    std::uint64_t first = 0;  // numbers, inclusive, that are not there any more
    std::uint64_t last = 0;
  };
  std::uint32_t shard = 0;
  std::vector<Gap> gaps;  // to be told before the events
  std::vector<Event> events;
};

// By shard: the number of the last event taken. A shard that is not named begins with the oldest that is kept.
using EventPositions = std::map<std::uint32_t, std::uint64_t>;

struct SubscriptionOptions {
  EventPositions after = {};
  std::uint32_t page = 500;
  base::Duration pause = std::chrono::milliseconds(200);  // between two looks at a shard without news
};

class Subscription {
 public:
  // The client must outlive it. `shards`: those to be read.
  Subscription(Client& client, const std::vector<std::uint32_t>& shards, SubscriptionOptions options);
  ~Subscription();
  Subscription(const Subscription&) = delete;
  Subscription& operator=(const Subscription&) = delete;

  // Waits at most `timeout` for news; nothing also when caught_up() or when there is a problem to be taken.
  std::optional<EventPage> next(base::Duration timeout);
  // The last event of each shard that next() returned.
  const EventPositions& positions() const;
  // Whether each shard has answered, after all that was taken, that there is nothing newer.
  bool caught_up() const;
  // A shard that could not be read when it was last asked, and why; it is asked again all the same.
  // `position_ahead`: the position is beyond the shard's last event: these are other data.
  struct Problem {
    std::uint32_t shard = 0;
    Answer answer;
    bool position_ahead = false;
  };
  std::optional<Problem> take_problem();

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with answers that come after the end
  Client& client_;
};

}  // namespace spex::client
