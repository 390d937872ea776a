#include "config/parameters.h"

#include <algorithm>
#include <cctype>

#include "config/parameter_types.h"

namespace spex::config {
namespace {

constexpr std::int64_t kMillisecond = 1'000;
constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::int64_t kDay = 24 * kHour;
constexpr std::uint64_t kKibibyte = 1'024;
constexpr std::uint64_t kMebibyte = 1'024 * kKibibyte;
constexpr std::uint64_t kGibibyte = 1'024 * kMebibyte;

enum class Change : std::uint8_t { at_start, by_reload };

Parameter row(std::string name, std::string group, Parameter type, Change change, std::string text) {
  type.name = std::move(name);
  type.group = std::move(group);
  type.reloadable = change == Change::by_reload;
  type.text = std::move(text);
  return type;
}

void add_places(std::vector<Parameter>& rows) {
  const std::string group = "Where things are";
  rows.push_back(row("data_dir", group, path_type(&Config::data_dir), Change::at_start,
                     "Directory of the shards' SQLite files and of the cluster layout. Created if missing; one "
                     "supervisor at a time may use it."));
  rows.push_back(
      row("run_dir", group, path_type(&Config::run_dir, kRunDirBytesMax), Change::at_start,
          "Directory of sockets, locks and the effective configuration. At most 80 bytes, because a socket's "
          "path may have 107. A relative path is made absolute unless that makes it too long."));
  rows.push_back(row("specs_dir", group, path_type(&Config::specs_dir), Change::at_start,
                     "Directory of the specifications, `<name>.spec`."));
  rows.push_back(row("impl_models_dir", group, path_type(&Config::impl_models_dir), Change::at_start,
                     "Directory of the implementation models, `<name>.spex`."));
  rows.push_back(row("endpoint", group, endpoint_type(&Config::endpoints), Change::at_start,
                     "Where clients connect: `ipc://PATH` or `tcp://HOST:PORT`. May be given several times (in the "
                     "environment: separated by commas). Without any: `ipc://<run_dir>/frontend.sock`."));
}

void add_service(std::vector<Parameter>& rows) {
  const std::string group = "What runs";
  rows.push_back(row("distribution_factor", group, count_type(&Config::distribution_factor, 1, 4'096), Change::at_start,
                     "Number of shards. Written into the data directory at the first start; starting with another "
                     "number is refused (`spexctl reshard` moves the data)."));
  rows.push_back(row("durability", group,
                     choice_type(&Config::durability, {{"full", Durability::full}, {"process", Durability::process}}),
                     Change::at_start,
                     "What an acknowledged operation survives: `full`, also loss of power; `process`, the end of any "
                     "process but not of the machine."));
  rows.push_back(row("test_mode", group, switch_type(&Config::test_mode), Change::at_start,
                     "All models are loaded in learning mode and the instances are dropped at a clean stop."));
  rows.push_back(row("check_transition_timeouts_on_start", group,
                     switch_type(&Config::check_transition_timeouts_on_start), Change::at_start,
                     "Whether a shard reports at its start the transition timeouts that fell due while it was away; "
                     "otherwise those are skipped."));
  rows.push_back(row("prune_interval", group, duration_type(&Config::prune_interval, kMillisecond, 3'650 * kDay),
                     Change::by_reload,
                     "Time between two pruning passes. One pass always runs right after the start of a shard; "
                     "`infinity`: no further one."));
  rows.push_back(row("log_level", group,
                     choice_type(&Config::log_level, {{"debug", base::LogLevel::debug},
                                                      {"info", base::LogLevel::info},
                                                      {"warning", base::LogLevel::warning},
                                                      {"error", base::LogLevel::error}}),
                     Change::by_reload, "The least important lines that are still logged."));
}

void add_restarts(std::vector<Parameter>& rows) {
  const std::string group = "Supervision: restarts";
  rows.push_back(row("max_restarts", group, count_type(&Config::max_restarts, 0, 1'000'000), Change::by_reload,
                     "Restart intensity: at most so many restarts of one child in `max_seconds`. Counted per child; "
                     "what happens beyond it says `on_limit`."));
  rows.push_back(row("max_seconds", group, seconds_type(&Config::max_seconds, kMillisecond, 3'650 * kDay),
                     Change::by_reload, "The period of `max_restarts`; a bare number is seconds."));
  rows.push_back(row("on_limit", group,
                     choice_type(&Config::on_limit, {{"park", LimitPolicy::park}, {"escalate", LimitPolicy::escalate}}),
                     Change::by_reload,
                     "Beyond the intensity: `park`, only that child is left out and retried every `park_retry`, "
                     "everything else keeps serving; `escalate`, all children are stopped and the supervisor exits "
                     "with an error. The router is never parked: it is retried every `backoff_max`."));
  rows.push_back(row("backoff_min", group, duration_type(&Config::backoff_min, kMillisecond, kHour), Change::by_reload,
                     "Pause before the second restart in a row; it doubles with every further one. The first restart "
                     "after a healthy period is immediate. Jitter shortens each pause by up to a half."));
  rows.push_back(row("backoff_max", group, duration_type(&Config::backoff_max, kMillisecond, kDay), Change::by_reload,
                     "The longest pause between two restarts of a child that is not parked."));
  rows.push_back(row("healthy_after", group, duration_type(&Config::healthy_after, kMillisecond, kDay),
                     Change::by_reload,
                     "A child that has served for so long is healthy: the back-off starts again from nothing."));
  rows.push_back(row("park_retry", group, duration_type(&Config::park_retry, kMillisecond, 30 * kDay),
                     Change::by_reload, "Time between two tries to start a parked child."));
}

void add_liveness(std::vector<Parameter>& rows) {
  const std::string group = "Supervision: life signs";
  rows.push_back(row("heartbeat_interval", group,
                     duration_type(&Config::heartbeat_interval, 10 * kMillisecond, kMinute), Change::at_start,
                     "How often the work loop of each child reports."));
  rows.push_back(row("heartbeat_timeout", group, duration_type(&Config::heartbeat_timeout, 20 * kMillisecond, kHour),
                     Change::by_reload,
                     "A serving child that was silent for so long is killed and restarted. At least twice "
                     "`heartbeat_interval`."));
  rows.push_back(row("startup_timeout", group, duration_type(&Config::startup_timeout, 100 * kMillisecond, kDay),
                     Change::by_reload,
                     "The same before a child serves; its progress reports, as during a long recovery, extend it."));
  rows.push_back(row("shutdown_timeout", group, duration_type(&Config::shutdown_timeout, 10 * kMillisecond, kHour),
                     Change::by_reload,
                     "How long a child may take to finish what it accepted, and again from SIGTERM to SIGKILL."));
}

void add_router(std::vector<Parameter>& rows) {
  const std::string group = "Router";
  rows.push_back(row("queue_max", group, count_type(&Config::queue_max, 1, 16'777'216), Change::at_start,
                     "Requests in flight per shard; beyond them a request is answered `overloaded`."));
  rows.push_back(row("queue_bytes_max", group, size_type(&Config::queue_bytes_max, 64 * kKibibyte, 64 * kGibibyte),
                     Change::at_start, "The same by their bytes."));
  rows.push_back(row("message_bytes_max", group, size_type(&Config::message_bytes_max, 64 * kKibibyte, kGibibyte),
                     Change::at_start, "The largest message that a client may send."));
  rows.push_back(row("request_timeout", group, duration_type(&Config::request_timeout, kMillisecond, kDay),
                     Change::by_reload, "For requests that name none: answered `deadline_exceeded` after it."));
  rows.push_back(
      row("hold_max", group, duration_type(&Config::hold_max, 0, kHour), Change::by_reload,
          "How long requests are held: during a planned restart of their shard, or while all shards change a model."));
  rows.push_back(row("async_credit", group, count_type(&Config::async_credit, 1, 1'048'576), Change::at_start,
                     "Fire-and-forget requests in flight per client."));
  rows.push_back(row("clients_max", group, count_type(&Config::clients_max, 1, 1'048'576), Change::at_start,
                     "Clients with fire-and-forget state or replies under way."));
}

void add_shards(std::vector<Parameter>& rows) {
  const std::string group = "Shards";
  rows.push_back(row("batch_max", group, count_type(&Config::batch_max, 1, 65'536), Change::at_start,
                     "Requests per transaction at most; what waits is committed together."));
  rows.push_back(row("instances_max", group, count_type(&Config::instances_max, 1, 1'000'000'000), Change::at_start,
                     "Instances per shard."));
  rows.push_back(
      row("instances_in_memory_max", group, count_type(&Config::instances_in_memory_max, 1'000, 1'000'000'000),
          Change::at_start,
          "Instances per shard whose states (32 bytes each) stay in memory. Of more, those that were not used "
          "for long leave it and are read from the file when they are used."));
  rows.push_back(row("names_max", group, count_type(&Config::names_max, 16, 100'000'000), Change::at_start,
                     "Distinct state and action names per shard."));
  rows.push_back(row("specification_transitions_max", group,
                     count_type(&Config::specification_transitions_max, 1, 100'000'000), Change::at_start,
                     "Transitions of one specification."));
  rows.push_back(row("model_transitions_max", group, count_type(&Config::model_transitions_max, 1, 100'000'000),
                     Change::at_start, "Transitions of one implementation model, loaded or learned."));
  rows.push_back(row("report_records", group, count_type(&Config::report_records, 0, 1'000), Change::by_reload,
                     "How many of an instance's newest records an error report carries."));
  rows.push_back(row("request_keys_max", group, count_type(&Config::request_keys_max, 1, 100'000'000), Change::at_start,
                     "Request keys remembered per shard."));
  rows.push_back(row("request_key_window", group, duration_type(&Config::request_key_window, kSecond, 3'650 * kDay),
                     Change::at_start, "How long a request key is remembered; older ones are refused as expired."));
  rows.push_back(row("events_retention", group, duration_type(&Config::events_retention, kSecond, 3'650 * kDay),
                     Change::at_start, "How long events are kept for subscribers that were away."));
  rows.push_back(row("events_bytes_max", group, size_type(&Config::events_bytes_max, kMebibyte, 1'024 * kGibibyte),
                     Change::at_start, "The bytes of kept events per shard; the oldest go first."));
  rows.push_back(row("reclaim_within", group, duration_type(&Config::reclaim_within, kSecond, 3'650 * kDay),
                     Change::at_start, "What is deleted or pruned has left the disk after so long."));
  rows.push_back(
      row("disk_reserve", group, size_type(&Config::disk_reserve, 0, kGibibyte), Change::at_start,
          "Room on the disk that each shard holds ready in `shard_<n>.reserve`. When the disk is full it is given "
          "up, so that deleting and pruning still work, and taken again when there is room. Checkpoints need none of "
          "it: their room is taken when a change is committed; 0: none."));
  rows.push_back(row("checkpoint_pages", group, count_type(&Config::checkpoint_pages, 16, 1'000'000), Change::at_start,
                     "Pages in the write-ahead log after which it is brought into the file."));
  rows.push_back(row("checks_queued_max", group, count_type(&Config::checks_queued_max, 4, 65'536), Change::at_start,
                     "Equivalence checks that wait per shard; one client may have a quarter of them."));
}

bool is_ipc_path_too_long(const std::string& endpoint) {
  return endpoint.starts_with("ipc://") && endpoint.size() - 6 > kIpcPathBytesMax;
}

}  // namespace

const std::vector<Parameter>& parameters() {
  static const std::vector<Parameter> table = [] {
    std::vector<Parameter> rows;
    add_places(rows);
    add_service(rows);
    add_restarts(rows);
    add_liveness(rows);
    add_router(rows);
    add_shards(rows);
    return rows;
  }();
  return table;
}

const Parameter* find_parameter(std::string_view name) {
  const auto& table = parameters();
  const auto found = std::find_if(table.begin(), table.end(), [&](const Parameter& p) { return p.name == name; });
  return found == table.end() ? nullptr : &*found;
}

std::string option_name(const Parameter& parameter) {
  std::string name = "--" + parameter.name;
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

std::string environment_name(const Parameter& parameter) {
  std::string name = "SPEX_" + parameter.name;
  for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

std::vector<std::string> check_consistency(const Config& config) {
  std::vector<std::string> broken;
  if (config.backoff_min > config.backoff_max) broken.emplace_back("backoff_min is longer than backoff_max");
  if (config.heartbeat_timeout < 2 * config.heartbeat_interval) {
    broken.emplace_back("heartbeat_timeout is shorter than twice heartbeat_interval");
  }
  if (config.message_bytes_max > config.queue_bytes_max) {
    broken.emplace_back("message_bytes_max is larger than queue_bytes_max: such a message could never be taken");
  }
  for (const std::string& endpoint : config.endpoints) {
    if (is_ipc_path_too_long(endpoint)) {
      broken.push_back("endpoint " + endpoint + ": an ipc path has at most " + std::to_string(kIpcPathBytesMax) +
                       " bytes");
    }
  }
  return broken;
}

}  // namespace spex::config
