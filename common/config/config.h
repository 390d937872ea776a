// Config: the typed values of every parameter. THE table (name, type, unit,
// default, bounds, reloadable, text) is parameters.cpp; this struct is what
// programs read. Durations are microseconds; nothing means `infinity`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/duration.h"
#include "base/log.h"

namespace spex::config {

enum class Durability : std::uint8_t { full, process };
enum class LimitPolicy : std::uint8_t { park, escalate };

struct Config {
  // Where things are.
  std::string data_dir = "./spex_data";
  std::string run_dir = "./spex_run";
  std::string specs_dir = "./spex_specs";
  std::string impl_models_dir = "./spex_impl_models";
  std::vector<std::string> endpoints;  // empty: ipc://<run_dir>/frontend.sock

  // What runs.
  std::uint32_t distribution_factor = 4;
  Durability durability = Durability::full;
  bool test_mode = false;
  bool check_transition_timeouts_on_start = true;
  base::OptionalDuration prune_interval{21'600'000'000};
  base::LogLevel log_level = base::LogLevel::info;

  // Supervision.
  std::uint32_t max_restarts = 3;
  base::OptionalDuration max_seconds{5'000'000};  // the option takes seconds or a duration
  LimitPolicy on_limit = LimitPolicy::park;
  std::int64_t backoff_min = 10'000;
  std::int64_t backoff_max = 1'000'000;
  std::int64_t healthy_after = 10'000'000;
  std::int64_t park_retry = 30'000'000;
  std::int64_t heartbeat_interval = 500'000;
  std::int64_t heartbeat_timeout = 5'000'000;  // silence of a serving child before it is killed
  std::int64_t startup_timeout = 60'000'000;   // silence before READY; progress reports extend it
  std::int64_t shutdown_timeout = 5'000'000;   // SIGTERM to SIGKILL, per child

  // Router.
  std::uint32_t queue_max = 16'384;           // requests in flight per shard
  std::uint64_t queue_bytes_max = 64u << 20;  // their bytes per shard
  std::uint64_t message_bytes_max = 16u << 20;
  std::int64_t request_timeout = 30'000'000;  // where the request names none
  std::int64_t hold_max = 5'000'000;
  std::uint32_t async_credit = 4'096;  // async requests in flight per client
  std::uint32_t clients_max = 16'384;  // clients with async state or replies under way

  // Shards.
  std::uint32_t batch_max = 1'024;           // requests per transaction
  std::uint32_t instances_max = 10'000'000;  // per shard
  std::uint32_t instances_in_memory_max = 4'000'000;
  std::uint32_t names_max = 1'000'000;  // distinct state and action names per shard
  std::uint32_t specification_transitions_max = 1'000'000;
  std::uint32_t model_transitions_max = 100'000;
  std::uint32_t report_records = 100;
  std::uint32_t request_keys_max = 100'000;  // remembered keys per shard
  base::OptionalDuration request_key_window{3'600'000'000};
  base::OptionalDuration events_retention{604'800'000'000};
  std::uint64_t events_bytes_max = 256u << 20;  // per shard
  std::int64_t reclaim_within = 86'400'000'000;
  std::uint64_t disk_reserve = 16u << 20;  // per shard
  std::uint32_t checkpoint_pages = 1'000;
  std::uint32_t checks_queued_max = 64;  // per shard; a quarter of it per client
};

}  // namespace spex::config
