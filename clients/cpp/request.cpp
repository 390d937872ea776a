#include "clients/cpp/request.h"

#include "protocol/codec.h"
#include "protocol/identifier.h"
#include "protocol/msgpack_writer.h"

namespace spex::client {
namespace {

using protocol::Array;
using protocol::Operation;
using protocol::Value;

// What is no identifier goes out as it is; the cluster says what is wrong with it.
std::string encode_identifier(const Value& identifier) {
  std::string encoded;
  if (const std::string* text = identifier.string()) {
    protocol::MsgpackWriter(encoded).string(*text);  // the shortest form is the canonical one
    return encoded;
  }
  encoded = protocol::encode_value(identifier);
  std::string scratch;
  const auto canonical = protocol::canonicalise(encoded, scratch);
  return canonical.ok() ? std::string(*canonical) : encoded;
}

Value timestamp_value(std::optional<base::Timestamp> timestamp) { return timestamp ? Value(*timestamp) : Value(); }

Request init(Operation operation, std::string_view specification, const Value& identifier, const InitOptions& options) {
  return make_request(operation, &identifier,
                      {specification, options.meta, options.initial_state, timestamp_value(options.occurred_at)});
}

// What a busy client makes most, without a Value for each argument.
Request step(Operation operation, const Value& identifier, std::string_view action, std::string_view to_state,
             std::optional<base::Timestamp> occurred_at) {
  Request request{operation, encode_identifier(identifier), {}, Ordering::by_identifier};
  protocol::MsgpackWriter writer(request.arguments);
  writer.array(occurred_at ? 3 : 2).string(action).string(to_state);
  if (occurred_at) writer.integer(*occurred_at);
  return request;
}

}  // namespace

Request make_request(Operation operation, const Value* identifier, Array arguments) {
  while (!arguments.empty() && arguments.back().is_nil()) arguments.pop_back();
  Request request;
  request.operation = operation;
  if (identifier != nullptr) {
    request.identifier = encode_identifier(*identifier);
    request.ordering = Ordering::by_identifier;
  }
  if (!arguments.empty()) request.arguments = protocol::encode_value(std::move(arguments));
  return request;
}

Request init_instance(std::string_view specification, const Value& identifier, const InitOptions& options) {
  return init(Operation::init_instance, specification, identifier, options);
}
Request init_instance_async(std::string_view specification, const Value& identifier, const InitOptions& options) {
  return init(Operation::init_instance_async, specification, identifier, options);
}
Request transition(const Value& identifier, std::string_view action, std::string_view to_state,
                   std::optional<base::Timestamp> occurred_at) {
  return step(Operation::transition, identifier, action, to_state, occurred_at);
}
Request transition_async(const Value& identifier, std::string_view action, std::string_view to_state,
                         std::optional<base::Timestamp> occurred_at) {
  return step(Operation::transition_async, identifier, action, to_state, occurred_at);
}
Request mock_instance(std::string_view specification, const Value& identifier, std::string_view state,
                      const Value& meta) {
  return make_request(Operation::mock_instance, &identifier, {specification, state, meta});
}
Request get_instance(const Value& identifier, std::optional<std::uint32_t> limit, std::uint32_t before) {
  return make_request(Operation::get_instance, &identifier,
                      {limit ? Value(*limit) : Value(), before == 0 ? Value() : Value(before)});
}
Request delete_instance(const Value& identifier) { return make_request(Operation::delete_instance, &identifier, {}); }
Request all_instances(const Value& filter, const Value& limit, const Value& cursor) {
  return make_request(Operation::all_instances, nullptr, {filter, limit, cursor});
}
Request delete_instances(const Value& filter) { return make_request(Operation::delete_instances, nullptr, {filter}); }
Request read_events(std::uint32_t shard, std::uint64_t after, std::uint32_t limit) {
  return make_request(Operation::read_events, nullptr, {shard, after, limit});
}
Request set_learning_mode(std::string_view specification, bool learning) {
  return make_request(Operation::set_learning_mode, nullptr, {specification, learning});
}
Request with_text(Operation operation, std::string_view text) { return make_request(operation, nullptr, {text}); }
Request remove_specification(std::string_view specification, bool force) {
  return make_request(Operation::remove_specification, nullptr, {specification, force});
}
Request plain(Operation operation) { return make_request(operation, nullptr, {}); }

}  // namespace spex::client
