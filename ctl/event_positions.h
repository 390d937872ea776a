// EventPositions on disk: how far a reader of events has come, and, when it
// writes into a file of its own, how long that file was then. A file that is
// longer was written by a run that was killed before it could say so: it is cut
// back, and so holds each event exactly once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "clients/cpp/subscription.h"

namespace spex::ctl {

struct EventProgress {
  std::string cluster_id;  // positions mean nothing in another cluster
  client::EventPositions positions;
  std::optional<std::uint64_t> output_bytes;
};

// Whether the event was shown before it moved here from a shard that is no more (`moved_from`, docs/operations.md).
// Of a number above `shards` the position stays what it was; those of living shards go on and prove nothing.
bool was_shown_elsewhere(const protocol::Value& event, const client::EventPositions& positions, std::uint32_t shards);

// Nothing if there is no such file. Fails with malformed if it is no position file.
base::Result<std::optional<EventProgress>> load_progress(const std::string& path);
// Replaces the file atomically and durably.
base::Result<void> save_progress(const std::string& path, const EventProgress& progress);

}  // namespace spex::ctl
