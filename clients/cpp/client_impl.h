// The inside of Client: puts pipeline, async window and connection together and
// turns messages into answers. Included by client.cpp and client_impl.cpp only.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "clients/cpp/async_window.h"
#include "clients/cpp/client.h"
#include "clients/cpp/connection.h"
#include "clients/cpp/pipeline.h"
#include "protocol/requests.h"
#include "transport/reactor.h"
#include "transport/socket.h"

namespace spex::client {

struct Client::Impl {
  explicit Impl(ClientOptions client_options);

  // What is called with the final answer: one of the two.
  struct Handler {
    Callback callback;
    Continuation continuation;
  };
  void submit(Request&& request, Handler&& handler);
  void turn(base::Duration timeout);
  // Sends at most what credit allows; waits for it or drops, as the options say.
  bool send_async(Request request, Client& self);
  // Within a turn the time is looked up where it may have passed, not for each request.
  base::MonotonicTime now() const { return turn_time ? *turn_time : clock.monotonic(); }
  bool reachable() const;

 private:
  struct Done {
    RequestId id;
    std::unique_ptr<Answer> answer = nullptr;  // null: ok with nil, what nearly every one of a busy client is
  };

  bool flush();
  bool send_packed(const std::vector<RequestId>& ids);
  bool receive_all();
  void on_message(std::string_view message);
  void on_reply(const protocol::ReplyView& view);
  void on_credit(std::uint64_t number);
  void on_notice(const protocol::ServerMessage& message);
  void keep_alive();
  void ask_for_credit();
  void end_failed(const std::vector<Pipeline::Failure>& failures);
  void call_back();
  base::Duration until_next(base::Duration timeout) const;
  base::Duration silence_max() const;

 public:
  ClientOptions options;
  ClientStatistics statistics;
  std::optional<base::Error> endpoint_error;
  std::uint64_t client;
  base::SystemClock clock;
  transport::Context context;
  transport::Reactor reactor;
  Pipeline pipeline;
  Connection connection;
  std::vector<Handler> handlers;  // by place

 private:
  AsyncWindow async;
  std::optional<base::MonotonicTime> waiting_since;  // for any answer
  std::optional<base::MonotonicTime> parked_since;   // for credit, or since it was last asked for
  bool blocked = false;                              // the socket took no more
  protocol::RequestMessageWriter writer;
  transport::Message message;
  protocol::ServerMessage server_message;
  std::vector<Done> done;
  std::vector<Done> calling;  // the storage of `done`, in turns
  std::optional<base::MonotonicTime> turn_time;
};

}  // namespace spex::client
