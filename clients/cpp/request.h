// Request: one operation, encoded and ready to be sent, and functions that make
// the requests of every operation. Values are judged by the cluster, not here.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "protocol/messages.h"
#include "protocol/value.h"

namespace spex::client {

// What a request waits for before it is sent.
enum class Ordering : std::uint8_t {
  by_identifier,     // earlier requests of the same identifier
  after_everything,  // all earlier requests; and all later ones wait for it
  none,
};

struct Request {
  protocol::Operation operation = protocol::Operation::ping;
  std::string identifier;  // canonical encoding; empty: the operation has none
  std::string arguments;   // encoded array; empty: none
  Ordering ordering = Ordering::none;
};

// Any operation. `identifier` only for keyed ones; trailing nils of `arguments` are left out.
Request make_request(protocol::Operation operation, const protocol::Value* identifier, protocol::Array arguments);

struct InitOptions {
  protocol::Value meta = {};           // a map, or nil
  protocol::Value initial_state = {};  // nil: the specification's
  std::optional<base::Timestamp> occurred_at = std::nullopt;
};
Request init_instance(std::string_view specification, const protocol::Value& identifier,
                      const InitOptions& options = {});
Request init_instance_async(std::string_view specification, const protocol::Value& identifier,
                            const InitOptions& options = {});
Request transition(const protocol::Value& identifier, std::string_view action, std::string_view to_state,
                   std::optional<base::Timestamp> occurred_at = std::nullopt);
Request transition_async(const protocol::Value& identifier, std::string_view action, std::string_view to_state,
                         std::optional<base::Timestamp> occurred_at = std::nullopt);
Request mock_instance(std::string_view specification, const protocol::Value& identifier, std::string_view state,
                      const protocol::Value& meta = {});
// One page of the history; `before` is a record number, 0: from the newest.
Request get_instance(const protocol::Value& identifier, std::optional<std::uint32_t> limit = std::nullopt,
                     std::uint32_t before = 0);
Request delete_instance(const protocol::Value& identifier);

// Filters as on the wire: nil, {}, or ["=", "specification", S], ["and", f, …], …
Request all_instances(const protocol::Value& filter = {}, const protocol::Value& limit = {},
                      const protocol::Value& cursor = {});
Request delete_instances(const protocol::Value& filter);
Request read_events(std::uint32_t shard, std::uint64_t after, std::uint32_t limit);

Request set_learning_mode(std::string_view specification, bool learning);
// An operation whose one argument is text: import_impl_model, define_specification,
// show_specification, check_impl_model, control.
Request with_text(protocol::Operation operation, std::string_view text);
Request remove_specification(std::string_view specification, bool force = false);
// An operation without arguments: all_impl_models, export_impl_models, list_specifications, ping, shard_map.
Request plain(protocol::Operation operation);

}  // namespace spex::client
