#include "router/peer_table.h"

#include <catch2/catch.hpp>
#include <map>

#include "tests/support/fake_clock.h"

using namespace spex::router;
using namespace std::chrono_literals;
using spex::protocol::ServerMessage;
using spex::test::FakeClock;
using spex::transport::SendOutcome;

namespace {

struct Sent {
  std::string to;
  bool is_delimited;
  std::string message;
  std::size_t replies() const {
    ServerMessage read;
    REQUIRE(spex::protocol::read_server_message(message, read).ok());
    return read.replies.size();
  }
};

struct Peers {
  explicit Peers(PeerLimits limits = {}) : table(limits) {}
  FakeClock clock;
  PeerTable table;
  std::vector<Sent> sent;
  std::map<std::string, SendOutcome> outcomes;  // sent, where none is named
  PeerTable::Send send = [this](std::string_view to, bool is_delimited, std::string_view message) {
    const auto found = outcomes.find(std::string(to));
    if (found != outcomes.end() && found->second != SendOutcome::sent) return found->second;
    sent.push_back({std::string(to), is_delimited, std::string(message)});
    return SendOutcome::sent;
  };

  PeerId peer(const std::string& name) { return *table.find_or_add(name, clock.monotonic()); }
  void reply(const std::string& name, std::string_view text = std::string_view("\x92\x01\x00", 3)) {
    const ReplyTo to = table.open(peer(name), false);
    table.expect(to);
    table.reply(to, text);
  }
  void flush() { table.flush(send, clock.monotonic()); }
  void retry() { table.retry(send, clock.monotonic()); }
};

constexpr std::string_view kReply("\x92\x01\x00", 3);

}  // namespace

TEST_CASE("the replies of one turn to one client go out as one message", "[router]") {
  Peers peers;
  for (int i = 0; i < 3; ++i) {
    peers.reply("a");
    peers.reply("b");
  }
  peers.flush();
  REQUIRE(peers.sent.size() == 2);
  CHECK(peers.sent[0].replies() == 3);
  CHECK_FALSE(peers.sent[0].is_delimited);
  peers.flush();
  CHECK(peers.sent.size() == 2);
}

TEST_CASE("a delimited message is answered when its last reply is there, and at once if it expects none", "[router]") {
  Peers peers;
  const ReplyTo to = peers.table.open(peers.peer("a"), true);
  peers.table.expect(to);
  peers.table.expect(to);
  peers.table.reply(to, kReply);
  peers.table.close(to);
  peers.flush();
  CHECK(peers.sent.empty());
  peers.table.reply(to, kReply);
  peers.flush();
  REQUIRE(peers.sent.size() == 1);
  CHECK(peers.sent[0].is_delimited);
  CHECK(peers.sent[0].replies() == 2);

  peers.table.close(peers.table.open(peers.peer("a"), true));
  peers.flush();
  REQUIRE(peers.sent.size() == 2);
  CHECK(peers.sent[1].replies() == 0);
}

TEST_CASE("a client whose queue is full gets its replies later, in order", "[router]") {
  Peers peers;
  peers.outcomes["a"] = SendOutcome::would_block;
  peers.reply("a");
  peers.flush();
  peers.table.send_message(peers.peer("a"), spex::protocol::encode_credit(5));
  peers.reply("a");
  peers.reply("b");
  peers.flush();
  REQUIRE(peers.sent.size() == 1);
  CHECK(peers.sent[0].to == "b");
  CHECK(peers.table.has_unsent());
  peers.outcomes.clear();
  peers.retry();
  REQUIRE(peers.sent.size() == 4);
  CHECK(peers.sent[1].replies() == 1);
  CHECK(peers.sent[2].message == spex::protocol::encode_credit(5));
  CHECK(peers.sent[3].replies() == 1);
  CHECK_FALSE(peers.table.has_unsent());
  CHECK(peers.table.unsent_bytes() == 0);
  CHECK(peers.table.undeliverable() == 0);
}

TEST_CASE("a client that does not read loses replies beyond its bound, and they are counted", "[router]") {
  PeerLimits limits;
  limits.peer_bytes_max = 1000;
  Peers peers(limits);
  peers.outcomes["a"] = SendOutcome::would_block;
  for (int i = 0; i < 1000; ++i) {
    peers.reply("a");
    peers.flush();
  }
  CHECK(peers.table.unsent_bytes() <= 1000);
  CHECK(peers.table.undeliverable() > 800);
}

TEST_CASE("a client that does not read for too long loses what waits", "[router]") {
  Peers peers;
  peers.outcomes["a"] = SendOutcome::would_block;
  peers.reply("a");
  peers.flush();
  peers.clock.advance(31s);
  peers.retry();
  CHECK_FALSE(peers.table.has_unsent());
  CHECK(peers.table.undeliverable() == 1);
  CHECK(peers.table.unsent_bytes() == 0);
}

TEST_CASE("replies to a client that is gone are counted", "[router]") {
  Peers peers;
  peers.outcomes["a"] = SendOutcome::unreachable;
  peers.reply("a");
  peers.flush();
  CHECK(peers.table.undeliverable() == 1);
  CHECK_FALSE(peers.table.has_unsent());
}

TEST_CASE("a full table makes room by an idle client, and refuses when none is", "[router]") {
  PeerLimits limits;
  limits.peers_max = 2;
  Peers peers(limits);
  const ReplyTo busy = peers.table.open(peers.peer("busy"), false);
  peers.table.expect(busy);
  const PeerId idle = peers.peer("idle");
  REQUIRE(peers.table.find_or_add("new", peers.clock.monotonic()));
  CHECK(peers.table.size() == 2);
  // A late word to the one that was forgotten reaches nobody, least of all the one in its place.
  peers.table.send_message(idle, spex::protocol::encode_credit(5));
  peers.flush();
  CHECK(peers.sent.empty());
  const ReplyTo also_busy = peers.table.open(peers.peer("new"), false);
  peers.table.expect(also_busy);
  CHECK_FALSE(peers.table.find_or_add("one more", peers.clock.monotonic()));
}

TEST_CASE("idle clients are forgotten after a while, waiting ones are not", "[router]") {
  Peers peers;
  const ReplyTo to = peers.table.open(peers.peer("waiting"), false);
  peers.table.expect(to);
  peers.peer("idle");
  peers.clock.advance(1min);
  peers.table.sweep(peers.clock.monotonic());
  CHECK(peers.table.size() == 1);
  peers.table.reply(to, kReply);
  peers.flush();
  CHECK(peers.sent.size() == 1);
}
