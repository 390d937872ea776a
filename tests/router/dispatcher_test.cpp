#include "router/dispatcher.h"

#include <unistd.h>

#include <catch2/catch.hpp>

#include "protocol/arguments.h"
#include "protocol/codec.h"
#include "tests/support/fake_clock.h"

using namespace spex;
using namespace spex::router;
using namespace std::chrono_literals;
using base::Incarnation;
using base::Reason;
using base::ShardId;
using protocol::Array;
using protocol::Operation;
using protocol::Value;
using test::FakeClock;

namespace {

struct Handed {
  Token token;
  std::uint8_t round;
  std::string request, gathered;
};

// A dispatcher whose shards serve, with this as its client and its shards.
struct Fixture {
  explicit Fixture(std::uint32_t shards)
      : layout(config::ClusterLayout::create(shards)),
        dispatcher(config, layout, *protocol::SlotMap::create(layout.shard_of_slot, shards), Incarnation(4),
                   clock.monotonic()) {
    for (std::uint32_t n = 1; n <= shards; ++n) up(n, 1);
  }

  void up(std::uint32_t n, std::uint64_t incarnation) {
    ShardTable& table = dispatcher.shards();
    const process::ShardUp said{ShardId(n), Incarnation(incarnation), "ipc://x"};
    dispatcher.apply(ShardId(n), table.on_up(said, clock.monotonic()), clock.monotonic());
    table.on_ready(ShardId(n), ShardId(n), Incarnation(incarnation));
  }
  void down(std::uint32_t n, process::DownReason reason = process::DownReason::restarting) {
    const auto step = dispatcher.shards().on_down({ShardId(n), Incarnation(1), reason}, clock.monotonic());
    dispatcher.apply(ShardId(n), step, clock.monotonic());
  }
  void request(Operation operation, std::string_view identifier = {}, std::string_view arguments = {},
               std::optional<std::uint32_t> timeout_ms = std::nullopt) {
    protocol::RequestMessageWriter writer;
    writer.add(1, operation, identifier, arguments, std::nullopt, timeout_ms);
    dispatcher.on_client_message("client", false, true, writer.message(), ignore, clock.monotonic());
  }
  // What the shard is given, as if its socket had taken it.
  std::vector<Handed> take(std::uint32_t n) {
    std::vector<Handed> handed;
    OutgoingQueue& queue = dispatcher.queue(ShardId(n));
    for (; !queue.empty(); queue.pop_sent()) {
      protocol::BackendRequestReader reader(queue.front());
      while (const auto entry = reader.next()) {
        handed.push_back({entry->token, entry->round, std::string(entry->request), std::string(entry->gathered)});
      }
    }
    return handed;
  }
  void answer(std::uint32_t n, Token token, const Value& body) {
    std::string reply;
    protocol::append_reply(reply, {"\x01", true, protocol::encode_value(body), {}, {}});
    dispatcher.on_shard_reply(ShardId(n), token, reply, clock.monotonic());
  }
  // The only reply since the last time.
  protocol::Reply reply() {
    std::vector<protocol::Reply> replies = all_replies();
    REQUIRE(replies.size() == 1);
    return replies[0];
  }
  std::vector<protocol::Reply> all_replies() {
    std::vector<protocol::Reply> replies;
    dispatcher.peers().flush(
        [&](std::string_view, bool, std::string_view message) {
          protocol::ServerMessage read;
          REQUIRE(protocol::read_server_message(message, read).ok());
          for (const auto& view : read.replies) replies.push_back(*protocol::decode_reply(view));
          return transport::SendOutcome::sent;
        },
        clock.monotonic());
    return replies;
  }
  std::string listing(const std::optional<protocol::Cursor>& cursor) {
    std::string arguments;
    protocol::AllInstancesArguments all;
    all.cursor = cursor;
    protocol::encode(all, arguments);
    return arguments;
  }

  FakeClock clock;
  config::Config config;
  config::ClusterLayout layout;
  Dispatcher dispatcher;
  PeerTable::Send ignore = [](std::string_view, bool, std::string_view) { return transport::SendOutcome::sent; };
};

}  // namespace

TEST_CASE("a listing goes through the shards one after the other", "[router]") {
  Fixture f(2);
  f.request(Operation::all_instances, {}, f.listing(std::nullopt));
  auto handed = f.take(1);
  REQUIRE(handed.size() == 1);
  f.answer(1, handed[0].token, Array{Array{"x"}, nullptr});
  CHECK(f.reply().body == Value(Array{Array{"x"}, Array{2, 0}}));

  f.request(Operation::all_instances, {}, f.listing(protocol::Cursor{ShardId(2), 0}));
  handed = f.take(2);
  REQUIRE(handed.size() == 1);
  f.answer(2, handed[0].token, Array{Array{"y"}, Array{2, 17}});
  CHECK(f.reply().body == Value(Array{Array{"y"}, Array{2, 17}}));

  f.request(Operation::all_instances, {}, f.listing(protocol::Cursor{ShardId(2), 17}));
  handed = f.take(2);
  f.answer(2, handed[0].token, Array{Array{}, nullptr});
  const protocol::Reply last = f.reply();
  REQUIRE(last.body.array() != nullptr);
  CHECK((last.body.array()->size() == 1 || (*last.body.array())[1].is_nil()));
}

TEST_CASE("a listing names the shard that is missing and goes on behind it", "[router]") {
  Fixture f(2);
  f.down(1);
  f.request(Operation::all_instances, {}, f.listing(std::nullopt));
  const protocol::Reply reply = f.reply();
  CHECK(reply.ok);
  CHECK(reply.body == Value(Array{Array{}, Array{2, 0}}));
  REQUIRE(reply.missing.size() == 1);
  CHECK(reply.missing[0] == protocol::MissingShard{ShardId(1), Reason::shard_unavailable});
  // One that dies under the page, too.
  f.request(Operation::all_instances, {}, f.listing(protocol::Cursor{ShardId(2), 0}));
  f.take(2);
  f.down(2);
  CHECK(f.reply().missing == std::vector{protocol::MissingShard{ShardId(2), Reason::shard_restarted}});
}

TEST_CASE("a cursor of no shard is refused", "[router]") {
  Fixture f(2);
  f.request(Operation::all_instances, {}, f.listing(protocol::Cursor{ShardId(3), 0}));
  CHECK(f.reply().error->known() == Reason::invalid_argument);
}

TEST_CASE("what left the queue is of unknown outcome when the shard dies, what did not is not executed", "[router]") {
  Fixture f(1);
  f.request(Operation::get_instance, "\x01");
  REQUIRE(f.take(1).size() == 1);
  f.request(Operation::get_instance, "\x02");
  f.down(1);
  const auto replies = f.all_replies();
  REQUIRE(replies.size() == 2);
  CHECK(replies[0].error->known() == Reason::shard_restarted);
  CHECK(replies[1].error->known() == Reason::shard_unavailable);
  CHECK(f.dispatcher.queue(ShardId(1)).empty());
}

TEST_CASE("a reply after the deadline is ignored and counted", "[router]") {
  Fixture f(1);
  f.request(Operation::get_instance, "\x01", {}, 100);
  const auto handed = f.take(1);
  f.clock.advance(111ms);
  f.dispatcher.on_tick(f.clock.monotonic());
  CHECK(f.reply().error->known() == Reason::deadline_exceeded);
  f.answer(1, handed[0].token, 1);
  CHECK(f.all_replies().empty());
  CHECK(f.dispatcher.stats().late_replies == 1);
  CHECK(f.dispatcher.is_idle());
}

TEST_CASE("a change for all shards takes two rounds, one change after the other", "[router]") {
  Fixture f(2);
  std::string text;
  protocol::encode(protocol::TextArguments{"one"}, text);
  f.request(Operation::define_specification, {}, text);
  f.request(Operation::define_specification, {}, text);
  const auto first = f.take(1), second = f.take(2);
  REQUIRE(first.size() == 1);  // the other change waits
  CHECK(first[0].round == 1);
  CHECK(protocol::decode_value(first[0].gathered).ok());
  CHECK(first[0].gathered == second[0].gathered);  // the number of the change
  f.answer(1, first[0].token, "a");
  f.answer(2, second[0].token, "b");
  const auto again = f.take(1), again_second = f.take(2);
  REQUIRE(again.size() == 1);
  CHECK(again[0].round == 2);
  CHECK(*protocol::decode_value(again[0].gathered) == Value(Array{"a", "b"}));
  f.answer(1, again[0].token, nullptr);
  CHECK(f.all_replies().empty());
  f.answer(2, again_second[0].token, nullptr);
  CHECK(f.reply().ok);
  const auto other = f.take(1);
  REQUIRE(other.size() == 1);  // now the other one
  CHECK(other[0].gathered != first[0].gathered);
}

TEST_CASE("a change for all shards is not begun while one is missing", "[router]") {
  Fixture f(2);
  f.down(2);
  std::string text;
  protocol::encode(protocol::TextArguments{"one"}, text);
  f.request(Operation::define_specification, {}, text);
  const protocol::Reply reply = f.reply();
  CHECK(reply.error->known() == Reason::shard_unavailable);
  REQUIRE(reply.missing.size() == 1);
  CHECK(reply.missing[0].shard == ShardId(2));
  CHECK(f.take(1).empty());
  CHECK(f.dispatcher.is_idle());
}

TEST_CASE("models are gathered from the shards that are there", "[router]") {
  Fixture f(3);
  f.down(1);
  f.request(Operation::all_impl_models);
  f.answer(2, f.take(2).at(0).token, Array{"m2"});
  f.answer(3, f.take(3).at(0).token, Array{"m3"});
  std::uint32_t merging = 0;
  Handed handed{};
  for (std::uint32_t n = 2; n <= 3; ++n) {
    for (const Handed& got : f.take(n)) {
      merging = n;
      handed = got;
    }
  }
  REQUIRE(merging != 0);
  CHECK(handed.round == 2);
  CHECK(*protocol::decode_value(handed.gathered) == Value(Array{Array{"m2"}, Array{"m3"}}));
  f.answer(merging, handed.token, "union");
  const protocol::Reply reply = f.reply();
  CHECK(reply.body == Value("union"));
  CHECK(reply.missing == std::vector{protocol::MissingShard{ShardId(1), Reason::shard_unavailable}});
}

TEST_CASE("ping and the slot map are answered without a shard", "[router]") {
  Fixture f(2);
  f.down(1);
  f.down(2);
  f.request(Operation::ping);
  CHECK(f.reply().body == Value(Array{SPEX_VERSION, 4, ::getpid()}));
  f.request(Operation::shard_map);
  const protocol::Reply reply = f.reply();
  REQUIRE(reply.body.array() != nullptr);
  CHECK((*reply.body.array())[0] == Value(2));
  CHECK((*reply.body.array())[1].array()->size() == config::kSlots);
  CHECK((*reply.body.array())[2] == Value(f.layout.cluster_id));
}

TEST_CASE("control is handed on as one line and its answer is text", "[router]") {
  Fixture f(1);
  std::string line;
  Dispatcher::ControlDone done;
  f.dispatcher.set_control([&](std::string_view asked, base::MonotonicTime, Dispatcher::ControlDone answer) {
    line = asked;
    done = std::move(answer);
  });
  std::string arguments;
  protocol::encode(protocol::TextArguments{"status"}, arguments);
  f.request(Operation::control, {}, arguments);
  CHECK(line == "status");
  CHECK_FALSE(f.dispatcher.is_idle());
  done(std::string("{}"));
  CHECK(f.reply().body == Value("{}"));
  CHECK(f.dispatcher.is_idle());
  arguments.clear();
  protocol::encode(protocol::TextArguments{"status\nstop"}, arguments);
  f.request(Operation::control, {}, arguments);
  CHECK(f.reply().error->known() == Reason::invalid_argument);
}
