// Client against a router played by the test, over a real ipc socket.
#include "clients/cpp/client.h"

#include <catch2/catch.hpp>
#include <functional>

#include "clients/cpp/paging.h"
#include "protocol/codec.h"
#include "protocol/requests.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait.h"
#include "transport/socket.h"

namespace spex::client {
namespace {

using protocol::Array;
using protocol::Map;
using protocol::Operation;
using protocol::Value;
using std::chrono::milliseconds;
using std::chrono::seconds;

struct Seen {
  std::string peer;
  std::string id;  // encoded
  Operation operation;
  std::optional<std::uint64_t> key;
};

// Answers pings by itself; the test answers the rest.
class FakeRouter {
 public:
  explicit FakeRouter(std::string endpoint, std::uint64_t incarnation = 1)
      : incarnation_(incarnation), socket_(open(context_, endpoint)) {}

  // Requests that arrived, pings left out.
  std::vector<Seen> receive() {
    std::vector<Seen> seen;
    transport::Message message;
    protocol::RequestMessageReader reader;
    while (socket_.receive(message)) {
      const std::string peer(message.frame(0));
      if (!reader.read(message.frame(message.size() - 1)).ok()) continue;
      if (reader.requests().empty()) ++credit_requests;
      for (const auto& request : reader.requests()) {
        Seen one{peer, std::string(request.id), request.operation->operation, request.key};
        if (one.operation == Operation::ping) {
          reply_ok(one, Array{"1", incarnation_});
        } else {
          seen.push_back(std::move(one));
        }
      }
    }
    return seen;
  }
  void reply_ok(const Seen& to, const Value& body) {
    const std::string encoded = protocol::encode_value(body);
    send_reply(to, {to.id, true, encoded, {}, {}});
  }
  void reply_error(const Seen& to, base::Reason reason) {
    std::string encoded;
    protocol::append_error(encoded, reason, {});
    send_reply(to, {to.id, false, encoded, {}, {}});
  }
  void send(const Seen& to, const std::string& message) {
    const std::string_view frames[] = {to.peer, message};
    REQUIRE(socket_.send(frames) == transport::SendOutcome::sent);
  }
  unsigned credit_requests = 0;

 private:
  static transport::Socket open(transport::Context& context, const std::string& endpoint) {
    auto socket = transport::Socket::open(context, transport::SocketType::router);
    REQUIRE(socket.ok());
    REQUIRE(socket->bind(endpoint).ok());
    return std::move(*socket);
  }
  void send_reply(const Seen& to, const protocol::ReplyView& view) {
    protocol::ReplyMessageWriter writer;
    protocol::append_reply(writer.add_in_place(), view);
    send(to, std::string(writer.message()));
  }

  std::uint64_t incarnation_;
  transport::Context context_;
  transport::Socket socket_;
};

struct Bench {
  Bench() { options.endpoint = "ipc://" + dir.file("r.sock"); }
  // Runs client and router until `condition` holds.
  bool turn_until(Client& client, FakeRouter* router, const std::function<bool()>& condition) {
    return test::eventually([&] {
      client.poll(milliseconds(1));
      if (router != nullptr) {
        for (Seen& request : router->receive()) seen.push_back(std::move(request));
      }
      return condition();
    });
  }
  test::TempDir dir;
  ClientOptions options;
  std::vector<Seen> seen;
};

TEST_CASE("a request is answered, its reply decoded", "[client]") {
  Bench bench;
  FakeRouter router(bench.options.endpoint);
  Client client(bench.options);
  Future future = client.submit(get_instance("o-1"));
  REQUIRE(bench.turn_until(client, &router, [&] { return bench.seen.size() == 1; }));
  router.reply_ok(bench.seen[0], Map{{"current_state", "paid"}});
  REQUIRE(bench.turn_until(client, &router, [&] { return future.ready(); }));
  const Answer answer = future.get();
  CHECK(answer.ok);
  CHECK(*answer.body.find("current_state") == Value("paid"));
  CHECK(answer.attempts == 1);
}

TEST_CASE("an unknown outcome is repeated under the same key until it is known", "[client]") {
  Bench bench;
  FakeRouter router(bench.options.endpoint);
  Client client(bench.options);
  Future future = client.submit(transition("o-1", "pay", "paid"));
  REQUIRE(bench.turn_until(client, &router, [&] { return bench.seen.size() == 1; }));
  REQUIRE(bench.seen[0].key);
  router.reply_error(bench.seen[0], base::Reason::shard_restarted);
  REQUIRE(bench.turn_until(client, &router, [&] { return bench.seen.size() == 2; }));
  CHECK(bench.seen[1].key == bench.seen[0].key);
  router.reply_ok(bench.seen[1], Value());
  REQUIRE(bench.turn_until(client, &router, [&] { return future.ready(); }));
  CHECK(future.get().ok);
  CHECK(client.statistics().repeats == 1);
}

TEST_CASE("a request lost with its router is repeated to the next one", "[client]") {
  Bench bench;
  Client client(bench.options);
  auto first = std::make_unique<FakeRouter>(bench.options.endpoint, 1);
  Future future = client.submit(transition("o-1", "pay", "paid"));
  REQUIRE(bench.turn_until(client, first.get(), [&] { return bench.seen.size() == 1 && client.connected(); }));
  first.reset();
  FakeRouter second(bench.options.endpoint, 2);
  REQUIRE(bench.turn_until(client, &second, [&] { return bench.seen.size() == 2; }));
  CHECK(bench.seen[1].key == bench.seen[0].key);
  second.reply_ok(bench.seen[1], Value());
  REQUIRE(bench.turn_until(client, &second, [&] { return future.ready(); }));
  CHECK(future.get().ok);
}

TEST_CASE("without a router requests end as unreachable", "[client]") {
  Bench bench;
  bench.options.retry.repeat = false;
  bench.options.connect_timeout = milliseconds(50);
  Client client(bench.options);
  const Answer answer = client.call(transition("o-1", "pay", "paid"));
  CHECK_FALSE(answer.ok);
  CHECK(answer.origin == Origin::unreachable);
  CHECK_THROWS_AS(client.transition_or_throw("o-1", "pay", "paid"), Failure);
}

TEST_CASE("an endpoint that is none is said so", "[client]") {
  ClientOptions options;
  options.endpoint = "nonsense";
  Client client(options);
  const Answer answer = client.call(plain(Operation::ping));
  CHECK_FALSE(answer.ok);
  CHECK(answer.is(base::Reason::invalid_argument));
}

TEST_CASE("async requests stop where credit ends, and go on with more", "[client]") {
  Bench bench;
  bench.options.when_full = WhenFull::drop;
  std::vector<Notice> notices;
  bench.options.on_notice = [&](const Notice& notice) { notices.push_back(notice); };
  FakeRouter router(bench.options.endpoint);
  Client client(bench.options);
  unsigned sent = 0;
  for (int i = 0; i < 100; ++i) sent += client.transition_async(i, "pay", "paid") ? 1 : 0;
  CHECK(sent == 64);
  CHECK(client.statistics().async_dropped == 36);
  REQUIRE(bench.turn_until(client, &router, [&] { return bench.seen.size() == 64; }));
  router.send(bench.seen[0], protocol::encode_credit(70));
  router.send(bench.seen[0],
              protocol::encode_notice(3, 5, base::fail(base::Reason::overloaded, "the shard's queue is full")));
  REQUIRE(bench.turn_until(client, &router, [&] { return !notices.empty(); }));
  CHECK(notices[0].first == 3);
  CHECK(notices[0].last == 5);
  CHECK(client.statistics().async_refused == 3);
  CHECK(client.transition_async("more", "pay", "paid"));
}

TEST_CASE("pages of an instance are put together", "[client]") {
  Bench bench;
  FakeRouter router(bench.options.endpoint);
  Client client(bench.options);
  std::optional<Answer> whole;
  // Two records a page of five: 5 4 | 3 2 | 1.
  const auto page = [](int newest, int count) {
    Array records;
    for (int i = 0; i < count; ++i) records.push_back(Array{"a", std::to_string(newest - i), 0});
    return Value(Map{{"transitions", records}, {"transitions_total", 5}});
  };
  Paged paged = whole_history("o-1", 0, [&](Answer& answer) { whole = std::move(answer); });
  client.submit_paged(std::move(paged.first), std::move(paged.on_page));
  int newest = 5;
  for (std::size_t asked = 1; asked <= 3; ++asked) {
    REQUIRE(bench.turn_until(client, &router, [&] { return bench.seen.size() == asked; }));
    router.reply_ok(bench.seen.back(), page(newest, newest > 1 ? 2 : 1));
    newest -= 2;
  }
  REQUIRE(bench.turn_until(client, &router, [&] { return whole.has_value(); }));
  const Array& records = *whole->body.find("transitions")->array();
  REQUIRE(records.size() == 5);
  for (std::size_t i = 0; i < 5; ++i) CHECK((*records[i].array())[1] == Value(std::to_string(5 - i)));
}

TEST_CASE("pages of instances are shown one by one and none is kept, or put together", "[client]") {
  Bench bench;
  FakeRouter router(bench.options.endpoint);
  Client client(bench.options);
  std::optional<Answer> last;
  std::vector<std::size_t> sizes;
  const auto done = [&](Answer& answer) { last = std::move(answer); };
  const bool is_kept = GENERATE(false, true);
  Paged paged = is_kept ? collect_instances({}, 5, {}, done)
                        : each_page(
                              {}, 5, {}, [&](Array& instances) { sizes.push_back(instances.size()); }, done);
  client.submit_paged(std::move(paged.first), std::move(paged.on_page));
  for (std::size_t asked = 1; asked <= 2; ++asked) {
    REQUIRE(bench.turn_until(client, &router, [&] { return bench.seen.size() == asked; }));
    CHECK_FALSE(last);
    router.reply_ok(bench.seen.back(), Array{asked == 1 ? Array{1, 2, 3} : Array{4, 5}, "cursor"});
  }
  REQUIRE(bench.turn_until(client, &router, [&] { return last.has_value(); }));
  if (is_kept) {
    CHECK(last->body == Value(Array{Array{1, 2, 3, 4, 5}, "cursor"}));
  } else {
    CHECK(sizes == std::vector<std::size_t>{3, 2});
    CHECK(last->body == Value(Array{"cursor"}));
  }
}

}  // namespace
}  // namespace spex::client
