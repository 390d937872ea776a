// Scatter: one request that goes to several shards, from the first round to the
// one reply. Missing shards are named in the answer, never left out silently.
//
//   scatter_sum  the bodies of all shards that took part are added
//   merge_one    round 1 on all; round 2, with what they gave, on one, whose reply is the answer
//   merge_all    round 1 on all and all must take part (it has no effect); round 2 on all
//
// Pure: the router sends the rounds and gives back replies and absences.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/strong_id.h"
#include "protocol/messages.h"
#include "protocol/replies.h"

namespace spex::router {

enum class ScatterNext : std::uint8_t {
  wait,          // for the other shards of this round
  second_round,  // begin_second() with the shards it shall go to
  answer,        // append_answer()
};

class Scatter {
 public:
  // `id` is the encoded request id. Round 1 goes to shards 1..shards.
  Scatter(protocol::Route route, std::uint32_t shards, std::string_view id);

  // In either round: shard gave a reply, or will give none.
  ScatterNext on_reply(base::ShardId shard, std::string_view reply);
  ScatterNext on_missing(base::ShardId shard, base::Reason reason);

  // Before a round of merge_all was sent: `shard` cannot take part, so nothing is
  // done anywhere; append_answer() says so.
  void give_up(base::ShardId shard, base::Reason reason);

  // After second_round: to one shard (merge_one) or to all (merge_all).
  // The encoded array of the bodies of round 1, in the order of the shards.
  std::string begin_second(const std::vector<base::ShardId>& shards);
  std::uint8_t round() const { return round_; }

  // The one reply, encoded.
  void append_answer(std::string& out) const;
  std::size_t bytes() const { return bytes_; }

 private:
  enum class PartState : std::uint8_t { unused, waiting, ok, error, missing };
  struct Part {
    PartState state = PartState::unused;
    std::string reply;  // whole, encoded
    base::Reason reason = base::Reason::shard_unavailable;
  };

  ScatterNext next();
  const Part* first_in(PartState state) const;
  std::vector<protocol::MissingShard> missing() const;
  void append_refusal(std::string& out) const;
  void append_sum(std::string& out) const;
  void append_last_round(std::string& out) const;

  protocol::Route route_;
  std::string id_;
  std::uint8_t round_ = 1;
  std::vector<Part> parts_;                            // by shard - 1
  std::vector<protocol::MissingShard> missing_first_;  // of round 1
  std::uint32_t waiting_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace spex::router
