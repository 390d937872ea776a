// WireClient: a deliberately plain client of the public protocol for cluster
// tests: one ZeroMQ socket and MessagePack, nothing of the client library, so
// that the tests judge what docs/protocol.md promises. Can also send rubbish.
// Not thread-safe; one per thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocol/messages.h"
#include "protocol/value.h"
#include "support/wait.h"

namespace spex::test {

using protocol::Array;
using protocol::Map;
using protocol::Operation;
using protocol::Value;

struct WireError {
  std::string error_class;
  std::string reason;
  Value context;
};

struct WireReply {
  bool answered = false;  // false: the deadline passed
  Value id;
  bool ok = false;
  Value body;
  WireError error;
  std::vector<WireError> reported;
  std::vector<std::pair<std::int64_t, std::string>> missing;  // shard, reason

  bool refused(const std::string& error_class, const std::string& reason) const {
    return answered && !ok && error.error_class == error_class && error.reason == reason;
  }
  bool reports(const std::string& reason) const;
  std::string text() const;  // for INFO
};

struct WireNotice {
  std::int64_t first = 0;
  std::int64_t last = 0;
  WireError error;
};

// Value or already encoded bytes: lets a test send encodings that no encoder makes.
struct Encoded {
  std::string bytes;
  Encoded() : bytes("\xc0") {}  // nil
  Encoded(const Value& value);  // NOLINT: implicit by design
  template <typename T>
  requires(std::is_constructible_v<Value, T>) Encoded(const T& value)
      : Encoded(Value(value)) {}  // NOLINT: implicit by design
  static Encoded raw(std::string bytes);
};

struct RequestOptions {
  std::optional<std::uint64_t> key;
  std::optional<std::uint64_t> timeout_ms;
};

class WireClient {
 public:
  enum class Kind : std::uint8_t { dealer, req };
  WireClient(const std::string& endpoint, std::optional<std::uint64_t> client = std::nullopt, Kind kind = Kind::dealer);
  ~WireClient();
  WireClient(const WireClient&) = delete;
  WireClient& operator=(const WireClient&) = delete;

  // Sends one request in a message of its own; returns its id.
  std::uint64_t send(Operation operation, const Encoded& identifier, const Encoded& arguments,
                     const RequestOptions& options = {});
  // The reply to it; those to others are kept.
  WireReply receive(std::uint64_t id, std::chrono::milliseconds deadline = kPatience);
  // Whatever reply comes next.
  WireReply receive_any(std::chrono::milliseconds deadline = kPatience);
  WireReply call(Operation operation, const Encoded& identifier, const Encoded& arguments,
                 const RequestOptions& options = {}, std::chrono::milliseconds deadline = kPatience);

  // The operations of the contract.
  WireReply init(const std::string& specification, const Encoded& identifier, const Value& meta = {},
                 const Value& state = {}, const RequestOptions& options = {});
  WireReply transition(const Encoded& identifier, const std::string& action, const std::string& to_state,
                       const RequestOptions& options = {});
  WireReply mock(const std::string& specification, const Encoded& identifier, const std::string& state,
                 const Value& meta = {});
  WireReply get(const Encoded& identifier, const Value& limit = {}, const Value& before = {});
  WireReply remove(const Encoded& identifier);
  // All pages of at most `limit`; the reply's body is the array of instances,
  // `missing` collects those of every page.
  WireReply all(const Value& filter = {}, const Value& limit = {});
  WireReply remove_all(const Value& filter);

  // The frames as they are; for hostile input and for messages of several requests.
  void send_frames(const std::vector<std::string>& frames);
  void send_message(const std::string& message);  // with the delimiter if this is a REQ (libzmq adds it)
  std::optional<std::vector<std::string>> receive_frames(std::chrono::milliseconds deadline = kPatience);

  const std::vector<WireNotice>& notices() const { return notices_; }
  std::int64_t credit() const { return credit_; }
  std::size_t replies_received() const { return replies_received_; }
  // Reads what has arrived, without waiting for more than `deadline` for the first message.
  bool pump(std::chrono::milliseconds deadline);

 private:
  struct Impl;
  void take(const std::string& message);

  std::unique_ptr<Impl> impl_;
  Kind kind_;
  std::optional<std::uint64_t> client_;
  std::uint64_t next_id_ = 1;
  std::map<std::string, WireReply> waiting_;  // by encoded id
  std::vector<WireNotice> notices_;
  std::int64_t credit_ = 0;
  std::size_t replies_received_ = 0;
};

// Reading answers: the member or element, or nil.
const Value& at(const Value& value, const std::string& key);
const Value& at(const Value& value, std::size_t index);
std::size_t size_of(const Value& value);
std::int64_t integer_of(const Value& value);  // -1 if it is none
std::string string_of(const Value& value);    // "" if it is none
// The instance's states, newest first, joined by blanks.
std::string states_of(const Value& instance);

}  // namespace spex::test
