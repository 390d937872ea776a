#include "support/wire_client.h"

#include <zmq.hpp>

#include "base/assert.h"
#include "protocol/codec.h"
#include "protocol/json.h"

namespace spex::test {
namespace {

const Value kNil;

WireError error_of(const Value& value) { return {string_of(at(value, 0)), string_of(at(value, 1)), at(value, 2)}; }

WireReply reply_of(const Value& value) {
  WireReply reply;
  reply.answered = true;
  reply.id = at(value, 0);
  reply.ok = at(value, 1) == Value(0);
  if (reply.ok)
    reply.body = at(value, 2);
  else
    reply.error = error_of(at(value, 2));
  for (std::size_t i = 0; i < size_of(at(value, 3)); ++i) reply.reported.push_back(error_of(at(at(value, 3), i)));
  for (std::size_t i = 0; i < size_of(at(value, 4)); ++i) {
    const Value& entry = at(at(value, 4), i);
    reply.missing.emplace_back(integer_of(at(entry, 0)), string_of(at(entry, 1)));
  }
  return reply;
}

std::string encoded_number(std::uint64_t number) { return protocol::encode_value(Value(number)); }

}  // namespace

Encoded::Encoded(const Value& value) : bytes(protocol::encode_value(value)) {}

Encoded Encoded::raw(std::string raw_bytes) {
  Encoded encoded;
  encoded.bytes = std::move(raw_bytes);
  return encoded;
}

bool WireReply::reports(const std::string& reason) const {
  for (const WireError& each : reported)
    if (each.reason == reason) return true;
  return false;
}

std::string WireReply::text() const {
  if (!answered) return "no reply";
  std::string result = ok ? "ok " + protocol::to_json(body)
                          : error.error_class + " " + error.reason + " " + protocol::to_json(error.context);
  for (const WireError& each : reported) result += ", reported " + each.reason;
  for (const auto& [shard, reason] : missing) result += ", missing " + std::to_string(shard) + " " + reason;
  return result;
}

struct WireClient::Impl {
  zmq::context_t context{1};
  zmq::socket_t socket;
};

WireClient::WireClient(const std::string& endpoint, std::optional<std::uint64_t> client, Kind kind)
    : impl_(std::make_unique<Impl>()), kind_(kind), client_(client) {
  impl_->socket =
      zmq::socket_t(impl_->context, kind == Kind::dealer ? zmq::socket_type::dealer : zmq::socket_type::req);
  impl_->socket.set(zmq::sockopt::linger, 0);
  impl_->socket.set(zmq::sockopt::sndhwm, 0);
  impl_->socket.set(zmq::sockopt::rcvhwm, 0);
  impl_->socket.set(zmq::sockopt::reconnect_ivl, 10);
  impl_->socket.connect(endpoint);
}

WireClient::~WireClient() = default;

void WireClient::send_frames(const std::vector<std::string>& frames) {
  for (std::size_t i = 0; i < frames.size(); ++i)
    impl_->socket.send(zmq::buffer(frames[i]),
                       i + 1 < frames.size() ? zmq::send_flags::sndmore : zmq::send_flags::none);
}

void WireClient::send_message(const std::string& message) { send_frames({message}); }

std::optional<std::vector<std::string>> WireClient::receive_frames(std::chrono::milliseconds deadline) {
  zmq::pollitem_t item{impl_->socket.handle(), 0, ZMQ_POLLIN, 0};
  if (zmq::poll(&item, 1, deadline) != 1) return std::nullopt;
  std::vector<std::string> frames;
  bool more = true;
  while (more) {
    zmq::message_t frame;
    if (!impl_->socket.recv(frame)) return std::nullopt;
    frames.push_back(frame.to_string());
    more = frame.more();
  }
  return frames;
}

void WireClient::take(const std::string& message) {
  const auto decoded = protocol::decode_value(message);
  SPEX_ASSERT(decoded.ok());
  SPEX_ASSERT(integer_of(at(*decoded, 0)) == 1);
  const std::int64_t type = integer_of(at(*decoded, 1));
  if (type == 3) {
    notices_.push_back({integer_of(at(*decoded, 2)), integer_of(at(*decoded, 3)), error_of(at(*decoded, 4))});
  } else if (type == 4) {
    credit_ = integer_of(at(*decoded, 2));
  } else {
    SPEX_ASSERT(type == 2);
    const Value& replies = at(*decoded, 2);
    for (std::size_t i = 0; i < size_of(replies); ++i) {
      WireReply reply = reply_of(at(replies, i));
      ++replies_received_;
      const std::string id = protocol::encode_value(reply.id);
      // A second reply to one request is a defect of the cluster.
      SPEX_ASSERT(waiting_.emplace(id, std::move(reply)).second);
    }
  }
}

bool WireClient::pump(std::chrono::milliseconds deadline) {
  auto frames = receive_frames(deadline);
  if (!frames) return false;
  take(frames->back());
  return true;
}

std::uint64_t WireClient::send(Operation operation, const Encoded& identifier, const Encoded& arguments,
                               const RequestOptions& options) {
  const std::uint64_t id = next_id_++;
  std::string message("\x94\x01\x01", 3);
  message += client_ ? encoded_number(*client_) : protocol::encode_value(kNil);
  message += "\x91\x96";
  message += encoded_number(id) + encoded_number(static_cast<std::uint64_t>(operation));
  message += identifier.bytes + arguments.bytes;
  message += options.key ? encoded_number(*options.key) : protocol::encode_value(kNil);
  message += options.timeout_ms ? encoded_number(*options.timeout_ms) : protocol::encode_value(kNil);
  send_message(message);
  return id;
}

WireReply WireClient::receive(std::uint64_t id, std::chrono::milliseconds deadline) {
  const std::string wanted = encoded_number(id);
  const auto end = std::chrono::steady_clock::now() + deadline;
  for (;;) {
    if (const auto found = waiting_.find(wanted); found != waiting_.end()) {
      WireReply reply = std::move(found->second);
      waiting_.erase(found);
      return reply;
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    if (left.count() < 0 || !pump(left)) return {};
  }
}

WireReply WireClient::receive_any(std::chrono::milliseconds deadline) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (waiting_.empty()) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    if (left.count() < 0 || !pump(left)) return {};
  }
  WireReply reply = std::move(waiting_.begin()->second);
  waiting_.erase(waiting_.begin());
  return reply;
}

WireReply WireClient::call(Operation operation, const Encoded& identifier, const Encoded& arguments,
                           const RequestOptions& options, std::chrono::milliseconds deadline) {
  return receive(send(operation, identifier, arguments, options), deadline);
}

WireReply WireClient::init(const std::string& specification, const Encoded& identifier, const Value& meta,
                           const Value& state, const RequestOptions& options) {
  return call(Operation::init_instance, identifier, Array{specification, meta, state}, options);
}

WireReply WireClient::transition(const Encoded& identifier, const std::string& action, const std::string& to_state,
                                 const RequestOptions& options) {
  return call(Operation::transition, identifier, Array{action, to_state}, options);
}

WireReply WireClient::mock(const std::string& specification, const Encoded& identifier, const std::string& state,
                           const Value& meta) {
  return call(Operation::mock_instance, identifier, Array{specification, state, meta});
}

WireReply WireClient::get(const Encoded& identifier, const Value& limit, const Value& before) {
  return call(Operation::get_instance, identifier, Array{limit, before});
}

WireReply WireClient::remove(const Encoded& identifier) {
  return call(Operation::delete_instance, identifier, Array{});
}

WireReply WireClient::all(const Value& filter, const Value& limit) {
  Value cursor;
  Array instances;
  std::vector<std::pair<std::int64_t, std::string>> missing;
  constexpr int kPagesMax = 100'000;
  for (int page = 0; page < kPagesMax; ++page) {
    WireReply reply = call(Operation::all_instances, kNil, Array{filter, limit, cursor});
    if (!reply.ok) return reply;
    const Value& found = at(reply.body, 0);
    for (std::size_t i = 0; i < size_of(found); ++i) instances.push_back(at(found, i));
    missing.insert(missing.end(), reply.missing.begin(), reply.missing.end());
    cursor = at(reply.body, 1);
    if (!cursor.is_nil()) continue;
    reply.body = instances;
    reply.missing = missing;
    return reply;
  }
  return {};
}

WireReply WireClient::remove_all(const Value& filter) { return call(Operation::delete_instances, kNil, Array{filter}); }

const Value& at(const Value& value, const std::string& key) {
  const Value* found = value.find(key);
  return found != nullptr ? *found : kNil;
}

const Value& at(const Value& value, std::size_t index) {
  const Array* array = value.array();
  return array != nullptr && index < array->size() ? (*array)[index] : kNil;
}

std::size_t size_of(const Value& value) {
  if (const Array* array = value.array()) return array->size();
  if (const Map* map = value.map()) return map->size();
  return 0;
}

std::int64_t integer_of(const Value& value) { return value.integer() != nullptr ? *value.integer() : -1; }

std::string string_of(const Value& value) { return value.string() != nullptr ? *value.string() : std::string(); }

std::string states_of(const Value& instance) {
  std::string states;
  const Value& transitions = at(instance, "transitions");
  for (std::size_t i = 0; i < size_of(transitions); ++i)
    states += (i == 0 ? "" : " ") + string_of(at(at(transitions, i), 1));
  return states;
}

}  // namespace spex::test
