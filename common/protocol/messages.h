// THE list of what is said on the client protocol: operations, their numbers,
// how the router treats each, and the plain structs of requests and replies.
// docs/protocol.md is the public text of the same. No number is ever reused.
//
//   message  = [version, type, ...]
//   REQUEST  = [1, 1, client, [request, ...]]           client -> router
//   REPLY    = [1, 2, [reply, ...]]                      router -> client
//   NOTICE   = [1, 3, first, last, [class, reason, context]]   async numbers not taken
//   CREDIT   = [1, 4, number]                            async numbers <= number may be sent
//   request  = [id, operation, identifier, arguments, key, timeout_ms]
//   reply    = [id, status, body, reported, missing]
//   error    = [class, reason, context]
//
// `client` is an unsigned 64-bit number or nil (no request keys, no async).
// Trailing nils may be left out; unknown trailing elements are ignored.
// `status` 0 is ok and `body` the result; 1 is an error and `body` the error.
// `reported` lists errors that passed an error policy; `missing` the shards
// that did not take part, as [[shard, reason], ...].
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace spex::protocol {

constexpr std::uint64_t kVersion = 1;

enum class MessageType : std::uint8_t { request = 1, reply = 2, notice = 3, credit = 4 };

// Arguments in brackets; `?` may be nil. Timestamps are microseconds since 1970 UTC.
enum class Operation : std::uint8_t {
  init_instance = 1,    // [specification, meta?, initial_state?, occurred_at?] -> nil
  transition = 2,       // [action, to_state, occurred_at?] -> nil
  mock_instance = 3,    // [specification, state, meta?] -> nil
  get_instance = 4,     // [limit?, before?] -> instance map, at most 1,000 records
  delete_instance = 5,  // [] -> nil
  init_instance_async = 6,
  transition_async = 7,
  all_instances = 20,         // [filter?, limit?, cursor?] -> [[instance, ...], cursor?]
  read_events = 21,           // [shard, after, limit?] -> [[[number, at, event map], ...], last_number, first_kept]
  delete_instances = 22,      // [filter] -> count
  all_impl_models = 23,       // [] -> [model map, ...]
  export_impl_models = 24,    // [] -> [[filename, content], ...]
  set_learning_mode = 30,     // [specification, learning] -> nil
  import_impl_model = 31,     // [text] -> nil
  define_specification = 32,  // [text] -> nil; writes specs_dir/<name>.spec, active on all shards
  remove_specification = 33,  // [specification, force?] -> nil
  list_specifications = 34,   // [] -> [summary map, ...]
  show_specification = 35,    // [specification] -> text
  check_impl_model = 36,      // [specification, transition?] -> verdict map
  ping = 50,                  // [] -> [server version, router incarnation]
  shard_map = 51,             // [] -> [distribution_factor, [shard of slot 0, ...], cluster_id]
  control = 60,               // [command line] -> text (JSON): forwarded to the supervisor's control socket
};

// How the router treats an operation.
enum class Route : std::uint8_t {
  keyed,        // to the shard of the identifier
  paged,        // to the shard named by cursor or argument; goes on shard by shard
  scatter_sum,  // to all shards; the integer bodies are added
  merge_one,    // round 1 to all shards; round 2 with all bodies to one of them, whose reply is the answer
  merge_all,    // round 1 to all shards (a missing one refuses the request); round 2 with all bodies to all
  any_shard,    // to one shard that serves
  local,        // answered by the router
  supervisor,   // forwarded to the control socket
};

struct OperationInfo {
  Operation operation;
  std::string_view name;  // as in `spexctl batch`
  Route route;
  bool mutates;   // takes a request key
  bool is_async;  // no reply; `id` is the client's async number, consecutive from 1
};

const OperationInfo* find_operation(std::uint64_t number);  // null if there is none
const OperationInfo* find_operation(std::string_view name);
const std::vector<OperationInfo>& all_operations();

// Limits of the wire, checked before anything is executed.
constexpr std::size_t kIdentifierBytesMax = 1024;
constexpr std::size_t kMetaBytesMax = 64 * 1024;
constexpr std::size_t kPageRecordsMax = 1000;
constexpr std::size_t kPageInstancesMax = 1000;
constexpr std::size_t kRequestsPerMessageMax = 4096;
constexpr std::size_t kRequestIdBytesMax = 64;
constexpr std::size_t kDepthMax = 32;         // of an identifier, meta or filter: containers in containers
constexpr std::size_t kMessageDepthMax = 48;  // of anything that contains those
constexpr std::uint64_t kTimeoutMillisecondsMax = 86'400'000;  // longer ones are taken as this

}  // namespace spex::protocol
