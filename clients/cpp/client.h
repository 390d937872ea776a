// Client: the public C++ client of a spexd cluster. One object, one endpoint, one
// thread: nothing happens but inside poll() and the blocking calls, which
// poll until their answer is there. No background thread, no global state.
//
//   spex::client::Client client({.endpoint = "ipc://./spex_run/frontend.sock"});
//   client.init_instance("order", "o-1");                        // blocking
//   client.submit(spex::client::transition("o-1", "pay", "paid"),  // pipelined
//                 [](const spex::client::Answer& answer) { … });
//   client.wait_all();
//
// Every mutating request carries a request key unless switched off, so that a
// repeat has one effect and the first answer. Requests that were not executed, or
// whose outcome is unknown, are repeated with back-off until a give-up time.
// Requests of one identifier are sent one after the other: each waits for the
// final answer of the one before. Errors are values; only `…_or_throw` throw.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "clients/cpp/request.h"
#include "clients/cpp/retry_policy.h"
#include "protocol/replies.h"
#include "protocol/value.h"

namespace spex::client {

// Where an answer comes from.
enum class Origin : std::uint8_t {
  cluster,      // the cluster said so
  unreachable,  // the request never left this process: no connection. Not executed.
  no_reply,     // it was sent and nothing came back: outcome unknown (without a key), or given up
};

struct Answer {
  bool ok = false;
  protocol::Value body;                         // if ok; what it is, messages.h says for each operation
  std::optional<protocol::ErrorBody> error;     // if not; made here unless `origin` is cluster
  std::vector<protocol::ErrorBody> reported;    // errors that passed an error policy, accepted or not, in order
  std::vector<protocol::MissingShard> missing;  // shards that did not take part
  Origin origin = Origin::cluster;
  unsigned attempts = 0;  // times that it was sent

  // Whether this is the error `reason`.
  bool is(base::Reason reason) const { return error && error->known() == reason; }
  // "InstanceError instance_identifier_not_found: …", or "ok".
  std::string to_text() const;
};

// What the throwing variants throw.
class Failure : public std::runtime_error {
 public:
  explicit Failure(Answer answer);
  const Answer& answer() const { return answer_; }

 private:
  Answer answer_;
};

// Fire-and-forget requests that came to nothing, or whose outcome is unknown.
struct Notice {
  std::uint64_t first = 0;  // async numbers, inclusive
  std::uint64_t last = 0;
  protocol::ErrorBody error;
};

// What `…_async` does when the router grants no more.
enum class WhenFull : std::uint8_t { wait, drop };

struct ClientOptions {
  std::string endpoint = {};
  std::optional<std::uint64_t> client = std::nullopt;  // part of every request key; default: random
  bool keys = true;
  RetryPolicy retry = {};
  base::Duration request_timeout = std::chrono::seconds(10);  // of each attempt
  // Silence of the router after which requests end as unreachable; with
  // retry.repeat the longer of it and retry.give_up counts.
  base::Duration connect_timeout = std::chrono::seconds(10);
  WhenFull when_full = WhenFull::wait;
  std::function<void(const Notice&)> on_notice = {};
};

struct ClientStatistics {
  std::uint64_t repeats = 0;     // attempts beyond the first
  std::uint64_t reconnects = 0;  // fresh sockets after silence
  std::uint64_t async_sent = 0;
  std::uint64_t async_dropped = 0;  // by WhenFull::drop
  std::uint64_t async_refused = 0;  // told in notices
};

using Callback = std::function<void(Answer&)>;
// May ask for one more request in the place of the answered one (paging).
using Continuation = std::function<std::optional<Request>(Answer&)>;

// The answer to one request, later. Valid as long as its Client.
class Future {
 public:
  bool ready() const;
  Answer get();  // polls until it is there; once

 private:
  friend class Client;
  struct State;
  std::shared_ptr<State> state_;
};

class Client {
 public:
  // Connects in the background; an endpoint that is no endpoint shows in the first answer.
  explicit Client(ClientOptions options);
  ~Client();  // what has no answer yet is forgotten, callbacks are not called
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // ---- Pipelined --------------------------------------------------------------
  // Callbacks run inside poll(); they may submit, and must not poll.
  void submit(Request request, Callback on_answer);
  void submit_paged(Request request, Continuation on_answer);
  Future submit(Request request);
  // Sends, receives, calls back; returns after the first turn that did something, or after `timeout`.
  void poll(base::Duration timeout);
  // Polls until every request has its answer. It ends because each request ends.
  void wait_all();
  std::size_t outstanding() const;  // requests without final answer
  // Also wakes poll() when `fd` is readable. For loops with another source of work.
  void watch(int fd, std::function<void()> on_readable);
  void unwatch(int fd);

  // ---- Fire and forget -----------------------------------------------------------
  // True: sent, once, with no reply. False: dropped (WhenFull::drop) or unreachable.
  bool init_instance_async(std::string_view specification, const protocol::Value& identifier,
                           const InitOptions& options = {});
  bool transition_async(const protocol::Value& identifier, std::string_view action, std::string_view to_state);

  // ---- Blocking -----------------------------------------------------------------
  Answer call(Request request);
  Answer init_instance(std::string_view specification, const protocol::Value& identifier,
                       const InitOptions& options = {});
  Answer transition(const protocol::Value& identifier, std::string_view action, std::string_view to_state);
  Answer mock_instance(std::string_view specification, const protocol::Value& identifier, std::string_view state,
                       const protocol::Value& meta = {});
  Answer delete_instance(const protocol::Value& identifier);
  // The instance with its whole history, paged inside.
  Answer get_instance(const protocol::Value& identifier);
  // Every matching instance, paged inside; the body is their array. For as many as fit in memory.
  Answer all_instances(const protocol::Value& filter = {});
  // The same for any number: shows each to `visit` and keeps none. After an error some were shown.
  Answer for_each_instance(const protocol::Value& filter, const std::function<void(const protocol::Value&)>& visit);
  Answer delete_instances(const protocol::Value& filter);

  // The same; they return what an ok carries and throw Failure otherwise.
  void init_instance_or_throw(std::string_view specification, const protocol::Value& identifier,
                              const InitOptions& options = {});
  void transition_or_throw(const protocol::Value& identifier, std::string_view action, std::string_view to_state);
  void mock_instance_or_throw(std::string_view specification, const protocol::Value& identifier, std::string_view state,
                              const protocol::Value& meta = {});
  void delete_instance_or_throw(const protocol::Value& identifier);
  protocol::Value get_instance_or_throw(const protocol::Value& identifier);
  protocol::Array all_instances_or_throw(const protocol::Value& filter = {});
  std::uint64_t delete_instances_or_throw(const protocol::Value& filter);

  ClientStatistics statistics() const;
  bool connected() const;  // the router was heard within the last silence interval
  std::uint64_t id() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace spex::client
