#include <sys/socket.h>

#include <catch2/catch.hpp>

#include "process/spawn.h"
#include "process/supervisor_channel.h"

using namespace spex::process;
using spex::base::Incarnation;
using spex::base::ShardId;

namespace {

std::pair<ChannelEnd, ChildChannel> channel() {
  auto pair = make_channel_pair();
  REQUIRE(pair.ok());
  return {ChannelEnd(std::move(pair->first)), ChildChannel(std::move(pair->second))};
}

}  // namespace

TEST_CASE("reports come back as they were encoded", "[process]") {
  const std::pair<Report, const char*> rows[] = {
      {{ReportKind::ready, ""}, "ready"},
      {{ReportKind::progress, ""}, "progress"},
      {{ReportKind::heartbeat, "{\"a\":1}"}, "heartbeat {\"a\":1}"},
      {{ReportKind::reloaded, "{}"}, "reloaded {}"},
      {{ReportKind::failed, "no such file"}, "failed no such file"},
      {{ReportKind::drained, ""}, "drained"},
      {{ReportKind::reaches, "4096 7"}, "reaches 4096 7"},
  };
  for (const auto& [report, text] : rows) {
    CHECK(encode(report) == text);
    CHECK(decode_report(text) == report);
  }
  for (const char* bad : {"", "ready ", "ready now", "Ready", "heartbeat", "heartbeat ", "failed", "hello", " ready"}) {
    INFO(bad);
    if (std::string(bad) == "ready ") continue;  // a trailing blank is no text
    CHECK_FALSE(decode_report(bad));
  }
}

TEST_CASE("whom the router reaches is a shard and its incarnation", "[process]") {
  const auto reached = decode_reached("4096 18446744073709551615");
  REQUIRE(reached);
  CHECK(reached->shard == ShardId(4096));
  CHECK(reached->incarnation == Incarnation(UINT64_MAX));
  for (const char* bad : {"", "1", "1 ", " 1", "1 x", "x 1", "1 2 3", "-1 2"}) {
    INFO(bad);
    CHECK_FALSE(decode_reached(bad));
  }
}

TEST_CASE("commands come back as they were encoded", "[process]") {
  const std::pair<Command, const char*> rows[] = {
      {ShardUp{ShardId(3), Incarnation(7), "ipc:///r/shard_3.7.s"}, "shard 3 up 7 ipc:///r/shard_3.7.s"},
      {ShardUp{ShardId(1), Incarnation(1), "ipc:///a b"}, "shard 1 up 1 ipc:///a b"},
      {ShardDown{ShardId(4096), Incarnation(UINT64_MAX), DownReason::parked},
       "shard 4096 down 18446744073709551615 parked"},
      {ShardDown{ShardId(1), Incarnation(2), DownReason::planned}, "shard 1 down 2 planned"},
      {ShardDown{ShardId(1), Incarnation(2), DownReason::restarting}, "shard 1 down 2 restarting"},
      {ShardDown{ShardId(1), Incarnation(2), DownReason::stopped}, "shard 1 down 2 stopped"},
      {Reload{}, "reload"},
      {Drain{}, "drain"},
      {Backup{"12-34", 500'000}, "backup 12-34 500000"},
  };
  for (const auto& [command, text] : rows) {
    CHECK(encode(command) == text);
    CHECK(decode_command(text) == command);
  }
  for (const char* bad : {"", "reload now", "shard", "shard x up 1 e", "shard 1 up 1", "shard 1 up 1 ",
                          "shard 1 sideways 1 e", "shard 1 down 1 tired", "shard -1 up 1 e",
                          "shard 1 up 99999999999999999999 e", "drain x", "backup", "backup t", "backup t x"}) {
    INFO(bad);
    CHECK_FALSE(decode_command(bad));
  }
}

TEST_CASE("both ends of a channel hear each other, in order", "[process]") {
  auto [supervisor, child] = channel();
  CHECK_FALSE(child.receive());
  child.ready();
  child.heartbeat("{}");
  CHECK(supervisor.receive() == "ready");
  CHECK(supervisor.receive() == "heartbeat {}");
  CHECK_FALSE(supervisor.receive());
  CHECK_FALSE(supervisor.closed());
  CHECK(supervisor.send(encode(Command(Reload{}))));
  CHECK(supervisor.send("gibberish"));
  CHECK(supervisor.send(encode(Command(Drain{}))));
  CHECK(child.receive() == Command(Reload{}));
  CHECK(child.receive() == Command(Drain{}));
  CHECK_FALSE(child.receive());
  CHECK_FALSE(child.closed());
}

TEST_CASE("a channel tells that the other side is gone", "[process]") {
  auto [supervisor, child] = channel();
  child.failed("bad\nfile");
  child = ChildChannel(spex::base::UniqueFd());
  CHECK(supervisor.receive() == "failed bad file");
  CHECK_FALSE(supervisor.receive());
  CHECK(supervisor.closed());
  CHECK_FALSE(supervisor.send("drain"));
}

TEST_CASE("what the socket does not take is queued, within a bound, and sent later in order", "[process]") {
  auto [supervisor, child] = channel();
  std::uint64_t sent = 0;
  while (supervisor.send(encode(Command(ShardDown{ShardId(1), Incarnation(++sent), DownReason::stopped})))) {
    REQUIRE(sent < 100'000);
  }
  CHECK(supervisor.wants_write());
  CHECK_FALSE(supervisor.closed());
  CHECK(sent > 4'096);  // room for a whole table
  std::uint64_t received = 0;
  while (const auto command = child.receive()) {
    REQUIRE(std::get<ShardDown>(*command).incarnation == Incarnation(++received));
    supervisor.flush();
  }
  CHECK(received == sent - 1);
  CHECK_FALSE(supervisor.wants_write());
}

TEST_CASE("a heartbeat that cannot go out now is dropped, a ready is not", "[process]") {
  auto [supervisor, child] = channel();
  for (int i = 0; i < 10'000; ++i) child.heartbeat("{}");
  child.ready();
  CHECK(child.wants_write());
  int heartbeats = 0;
  std::string last;
  while (const auto message = supervisor.receive()) {
    last = *message;
    ++heartbeats;
    child.flush();
  }
  CHECK(last == "ready");
  CHECK(heartbeats < 10'000);
}

TEST_CASE("a message too long for the channel becomes a short one, not silence", "[process]") {
  auto [supervisor, child] = channel();
  child.heartbeat("{\"x\":\"" + std::string(kChannelBytesMax, 'x') + "\"}");
  CHECK(supervisor.receive() == "heartbeat {}");
  child.heartbeat("{\n}");
  CHECK(supervisor.receive() == "heartbeat {}");
  child.failed(std::string(2 * kChannelBytesMax, 'x'));
  CHECK(supervisor.receive()->size() <= kChannelBytesMax);
  child.reloaded(std::string(2 * kChannelBytesMax, 'x'));
  CHECK(supervisor.receive()->find("too many problems") != std::string::npos);
}
