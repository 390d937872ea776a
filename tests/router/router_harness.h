// RouterHarness: the router's own loop in a thread, with this test as its
// supervisor, its shards and its clients, over real sockets in a temporary
// directory. Every wait has a deadline; nothing sleeps for a fixed time.
#pragma once

#include <poll.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "config/cluster_layout.h"
#include "process/daemon_main.h"
#include "process/spawn.h"
#include "protocol/backend.h"
#include "protocol/codec.h"
#include "protocol/replies.h"
#include "protocol/requests.h"
#include "router/router.h"
#include "tests/support/temp_dir.h"
#include "transport/socket.h"

namespace spex::test {

inline bool wait_until(const std::function<bool()>& condition, std::chrono::seconds limit = std::chrono::seconds(10)) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (std::chrono::steady_clock::now() < end) {
    if (condition()) return true;
    ::poll(nullptr, 0, 1);
  }
  return condition();
}

// A shard worker as the router sees it.
class FakeShard {
 public:
  struct Received {
    protocol::BackendRequest request;
    std::string bytes, gathered, id;
  };

  FakeShard(transport::Context& context, const std::string& dir, std::uint32_t shard, std::uint64_t incarnation)
      : shard_(shard),
        incarnation_(incarnation),
        endpoint_("ipc://" + dir + "/shard_" + std::to_string(shard) + "." + std::to_string(incarnation) + ".s"),
        socket_(*transport::Socket::open(context, transport::SocketType::router)) {
    REQUIRE(socket_.bind(endpoint_).ok());
  }

  const std::string& endpoint() const { return endpoint_; }
  std::string up() const {
    return "shard " + std::to_string(shard_) + " up " + std::to_string(incarnation_) + " " + endpoint_;
  }
  std::string down(const std::string& reason) const {
    return "shard " + std::to_string(shard_) + " down " + std::to_string(incarnation_) + " " + reason;
  }

  // Reads what waits; HELLO is answered unless `is_mute`.
  void pump() {
    while (socket_.receive(message_)) {
      router_ = message_.frame(0);
      const std::string_view frame = message_.frame(1);
      if (protocol::backend_kind(frame) == protocol::BackendKind::hello) {
        ++hellos;
        if (!is_mute) send(protocol::encode(protocol::BackendReady{shard_, incarnation_, 1}));
        continue;
      }
      if (protocol::backend_kind(frame) == protocol::BackendKind::last) {
        ++lasts;
        continue;
      }
      protocol::BackendRequestReader reader(frame);
      while (const auto request = reader.next()) {
        Received received{*request, std::string(request->request), std::string(request->gathered), ""};
        protocol::RequestHeader header;
        REQUIRE(protocol::read_request(received.bytes, request->client != 0, header));
        received.id = header.id;
        requests.push_back(std::move(received));
      }
      CHECK_FALSE(reader.damaged());
    }
  }
  void answer(const Received& received, std::string_view body) {
    std::string reply, frame;
    protocol::append_reply(reply, {received.id, true, body, {}, {}});
    protocol::begin_replies(frame);
    protocol::append(frame, protocol::BackendReply{received.request.token, reply});
    send(frame);
  }
  void answer_all(std::string_view body = "\xc0") {
    for (const Received& received : requests) answer(received, body);
    requests.clear();
  }

  bool is_mute = false;
  int hellos = 0;
  int lasts = 0;
  std::vector<Received> requests;

 private:
  void send(std::string_view frame) {
    const std::array<std::string_view, 2> frames{router_, frame};
    // A router that has closed this incarnation's socket is gone: what is said then is lost.
    CHECK(socket_.send(frames) != transport::SendOutcome::would_block);
  }
  std::uint32_t shard_;
  std::uint64_t incarnation_;
  std::string endpoint_;
  transport::Socket socket_;
  transport::Message message_;
  std::string router_;
};

class FakeClient {
 public:
  FakeClient(transport::Context& context, const std::string& endpoint)
      : socket_(*transport::Socket::open(context, transport::SocketType::dealer)) {
    REQUIRE(socket_.connect(endpoint).ok());
  }
  void send(std::string_view message) { REQUIRE(socket_.send(message) == transport::SendOutcome::sent); }
  void send_delimited(std::string_view message) {
    const std::array<std::string_view, 2> frames{std::string_view(), message};
    REQUIRE(socket_.send(frames) == transport::SendOutcome::sent);
  }
  void request(std::uint64_t id, protocol::Operation operation, std::string_view identifier,
               std::string_view arguments = {}, std::optional<std::uint32_t> timeout_ms = std::nullopt) {
    protocol::RequestMessageWriter writer(client);
    writer.add(id, operation, identifier, arguments, std::nullopt, timeout_ms);
    send(writer.message());
  }
  void pump() {
    while (socket_.receive(message_)) {
      const std::size_t last = message_.size() - 1;
      delimited += last == 1 && message_.frame(0).empty() ? 1 : 0;
      ++messages;
      protocol::ServerMessage read;
      REQUIRE(protocol::read_server_message(message_.frame(last), read).ok());
      for (const auto& view : read.replies) replies.push_back(*protocol::decode_reply(view));
      if (read.type == protocol::MessageType::credit) credit = read.credit;
      if (read.type == protocol::MessageType::notice) {
        notices.push_back({read.first, read.last, protocol::decode_error(read.error)->reason});
      }
    }
  }
  // The reason of the only reply, or "ok".
  std::string outcome() {
    REQUIRE(replies.size() == 1);
    const std::string text = replies[0].ok ? "ok" : replies[0].error->reason;
    replies.clear();
    return text;
  }

  struct Notice {
    std::uint64_t first, last;
    std::string reason;
  };
  std::optional<std::uint64_t> client;
  std::vector<protocol::Reply> replies;
  std::vector<Notice> notices;
  std::optional<std::uint64_t> credit;
  int messages = 0, delimited = 0;

 private:
  transport::Socket socket_;
  transport::Message message_;
};

class RouterHarness {
 public:
  explicit RouterHarness(std::uint32_t shard_count, const std::function<void(config::Config&)>& change = {}) {
    config_.run_dir = config_.data_dir = dir.path();
    config_.distribution_factor = shard_count;
    config_.heartbeat_interval = 10'000;
    if (change) change(config_);
    layout_ = config::ClusterLayout::create(shard_count);
  }
  ~RouterHarness() { stop(); }

  void start() {
    auto pair = process::make_channel_pair();
    REQUIRE(pair.ok());
    supervisor = process::ChannelEnd(std::move(pair->first));
    context_ = std::make_unique<process::DaemonContext>(
        process::DaemonContext{"", config_, layout_, base::ShardId(0), base::Incarnation(1),
                               process::ChildChannel(std::move(pair->second)), *process::SignalFd::create({SIGUSR2})});
    thread_ = std::thread([this] {
      exit = router::run_router(*context_);
      has_ended = true;
    });
  }
  // As if the supervisor had died.
  void stop() {
    supervisor = process::ChannelEnd();
    if (thread_.joinable()) thread_.join();
  }
  void tell(const std::string& command) { REQUIRE(supervisor.send(command)); }
  // The next report of a kind, passing over others.
  bool hears(process::ReportKind kind) {
    return wait_until([&] {
      while (const auto message = supervisor.receive()) {
        const auto report = process::decode_report(*message);
        if (!report || report->kind != kind) continue;
        last_report = report->text;
        return true;
      }
      return false;
    });
  }
  FakeShard& add_shard(std::uint32_t shard, std::uint64_t incarnation) {
    shards.push_back(std::make_unique<FakeShard>(zmq, dir.path(), shard, incarnation));
    return *shards.back();
  }
  // Starts with `count` shards that serve.
  void start_serving(std::uint32_t count) {
    start();
    REQUIRE(hears(process::ReportKind::ready));
    for (std::uint32_t n = 1; n <= count; ++n) tell(add_shard(n, 1).up());
    REQUIRE(until([&] {
      for (const auto& shard : shards) {
        if (shard->hellos == 0) return false;
      }
      return true;
    }));
  }
  FakeClient& add_client() {
    clients.push_back(std::make_unique<FakeClient>(zmq, endpoint()));
    return *clients.back();
  }
  std::string endpoint() const { return "ipc://" + dir.path() + "/frontend.sock"; }
  bool until(const std::function<bool()>& condition) {
    return wait_until([&] {
      for (const auto& shard : shards) shard->pump();
      for (const auto& client : clients) client->pump();
      return condition();
    });
  }
  bool until_replies(FakeClient& client, std::size_t count) {
    return until([&] { return client.replies.size() >= count; });
  }

  TempDir dir;
  transport::Context zmq;
  process::ChannelEnd supervisor;
  std::vector<std::unique_ptr<FakeShard>> shards;
  std::vector<std::unique_ptr<FakeClient>> clients;
  process::DaemonExit exit;
  std::atomic<bool> has_ended = false;
  std::string last_report;

 private:
  config::Config config_;
  config::ClusterLayout layout_;
  std::unique_ptr<process::DaemonContext> context_;
  std::thread thread_;
};

// A short string as identifier.
inline std::string identifier(const std::string& text) { return protocol::encode_value(protocol::Value(text)); }

}  // namespace spex::test
