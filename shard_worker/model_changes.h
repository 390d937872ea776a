// ModelChanges: changes of a model that all shards make together (closing,
// opening, importing), atomically from a client's view whatever is killed:
//
//   prepare    round 1: durable that this change is under way. From now on
//              nothing new is learned: a step that would be waits.
//   carry_out  round 2: the shard that comes first settles the change
//              (change_decision.h); each takes the whole new model in one
//              transaction, and what waited is judged by it.
//   run_due    a shard that waited for round 2 in vain, or starts and finds a
//              change under way, proposes to give it up. What was settled before
//              wins: then it is made up for here.
//
// So a shard learns, or waits, or judges by the whole new model, and all end the
// same way. How it came to this: docs/decisions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "conformance/model_text.h"
#include "shard_worker/request.h"

namespace spex::shard_worker {

class Shard;

// What becomes of the model that is there.
enum class ChangeKind : std::uint8_t {
  merge,    // the new one is the union of all; a shard keeps its own sightings
  replace,  // nothing
};

class ModelChanges {
 public:
  // Changes that were under way when the shard ended, or as the file has them after a failed commit.
  base::Result<void> load(Shard& shard, Now now);

  // Round 1. The caller commits before it answers. Settles an earlier change of this model first.
  base::Result<void> prepare(Shard& shard, std::string_view specification, std::uint64_t number,
                             const std::optional<store::RequestKey>& key, Now now);
  // Round 2. Fails with shard_unavailable if the change was given up meanwhile.
  base::Result<void> carry_out(Shard& shard, std::uint64_t number, ChangeKind kind,
                               const conformance::ModelText& model);
  // Instead of carry_out: the change shall not be made.
  base::Result<void> give_up(Shard& shard, std::string_view specification, std::uint64_t number, Now now);

  // The ticket to wait for before this model learns anything new; nothing if no change is under way.
  std::optional<std::uint64_t> held(std::string_view specification) const;
  // Settles those whose time is over.
  base::Result<void> run_due(Shard& shard, Now now);
  // When run_due has something to do; nothing if no change is under way.
  std::optional<base::MonotonicTime> next() const;

 private:
  struct Change {
    std::string specification;
    std::uint64_t number = 0;
    std::optional<store::RequestKey> key;  // of the request
    std::uint64_t ticket = 0;
    base::MonotonicTime until;
  };

  Change* find(std::string_view specification);
  const Change* find(std::string_view specification) const;
  base::Result<std::vector<Change>> stored(Shard& shard);
  base::Result<void> store(Shard& shard);
  // Proposes to give the change up, and does what is settled.
  base::Result<void> settle(Shard& shard, const Change& change, base::Timestamp now);
  // The change is over; what waited goes on.
  base::Result<void> end(Shard& shard, std::string_view specification);

  std::vector<Change> changes_;                          // one per specification at most
  std::uint64_t last_ticket_ = std::uint64_t{1} << 63U;  // never one of Checks
};

}  // namespace spex::shard_worker
