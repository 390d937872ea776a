// The inside of Client: puts pipeline, async window and connection together and
// turns messages into answers. Included by client.cpp and client_impl.cpp only.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
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

  void submit(Request request, Continuation on_answer);
  void turn(base::Duration timeout);
  // Sends at most what credit allows; waits for it or drops, as the options say.
  bool send_async(Request request, Client& self);
  base::MonotonicTime now() const { return clock.monotonic(); }
  bool reachable() const;

 private:
  struct Done {
    RequestId id;
    Answer answer;
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
  std::unordered_map<RequestId, Continuation> handlers;

 private:
  AsyncWindow async;
  std::optional<base::MonotonicTime> waiting_since;  // for any answer
  std::optional<base::MonotonicTime> parked_since;   // for credit, or since it was last asked for
  bool blocked = false;                              // the socket took no more
  protocol::RequestMessageWriter writer;
  transport::Message message;
  protocol::ServerMessage server_message;
  std::vector<Done> done;
};

}  // namespace spex::client
