#include "router/shard_table.h"

#include <catch2/catch.hpp>

#include "tests/support/fake_clock.h"

using namespace spex::router;
using namespace std::chrono_literals;
using spex::base::Incarnation;
using spex::base::ShardId;
using spex::process::DownReason;
using spex::process::ShardDown;
using spex::process::ShardUp;
using spex::test::FakeClock;

namespace {

struct Table {
  FakeClock clock;
  ShardTable table{2, 5s, 2s, clock.monotonic()};
  ShardId shard{1};

  ShardStep up(std::uint64_t incarnation) {
    return table.on_up(ShardUp{shard, Incarnation(incarnation), "ipc://x"}, clock.monotonic());
  }
  ShardStep down(std::uint64_t incarnation, DownReason reason) {
    return table.on_down(ShardDown{shard, Incarnation(incarnation), reason}, clock.monotonic());
  }
  ShardStep ready(std::uint64_t incarnation) { return table.on_ready(shard, shard, Incarnation(incarnation)); }
  ShardStep after(spex::base::Duration time) {
    clock.advance(time);
    return table.on_time(shard, clock.monotonic());
  }
  ShardPhase phase() const { return table.at(shard).phase; }
  Admission admission() const { return table.admission(shard); }
};

}  // namespace

TEST_CASE("a shard serves after up and READY, and requests wait until then", "[router]") {
  Table t;
  CHECK(t.admission() == Admission::hold);
  const ShardStep step = t.up(3);
  CHECK(step.open);
  CHECK_FALSE(step.fail_queued);
  CHECK(t.phase() == ShardPhase::connecting);
  CHECK(t.admission() == Admission::hold);
  CHECK(t.ready(3).serve);
  CHECK(t.admission() == Admission::send);
  CHECK_FALSE(t.up(3).open);  // said twice
}

TEST_CASE("a READY of another shard or incarnation is not believed", "[router]") {
  Table t;
  t.up(3);
  CHECK_FALSE(t.ready(2).serve);
  CHECK_FALSE(t.table.on_ready(t.shard, ShardId(2), Incarnation(3)).serve);
  CHECK(t.phase() == ShardPhase::connecting);
}

TEST_CASE("a death fails what was sent as unknown and what was queued as not executed", "[router]") {
  const DownReason reason = GENERATE(DownReason::restarting, DownReason::parked, DownReason::stopped);
  Table t;
  t.up(1);
  t.ready(1);
  const ShardStep step = t.down(1, reason);
  CHECK(step.fail_sent);
  CHECK(step.fail_queued);
  CHECK(step.close);
  CHECK(t.admission() == Admission::refuse);
  CHECK(t.phase() == (reason == DownReason::parked ? ShardPhase::parked : ShardPhase::down));
}

TEST_CASE("gossip of an old incarnation is ignored", "[router]") {
  Table t;
  t.up(5);
  t.ready(5);
  CHECK_FALSE(t.down(4, DownReason::restarting).fail_sent);
  CHECK_FALSE(t.up(4).open);
  CHECK(t.phase() == ShardPhase::serving);
}

TEST_CASE("a new incarnation without a word about the old one's end replaces it", "[router]") {
  Table t;
  t.up(1);
  t.ready(1);
  const ShardStep step = t.up(2);
  CHECK(step.fail_sent);
  CHECK_FALSE(step.fail_queued);
  CHECK(step.close);
  CHECK(step.open);
}

TEST_CASE("a planned restart holds requests over the end of the old incarnation", "[router]") {
  Table t;
  t.up(1);
  t.ready(1);
  const ShardStep planned = t.down(1, DownReason::planned);
  CHECK_FALSE(planned.fail_sent);
  CHECK_FALSE(planned.close);  // its last replies still come
  CHECK(planned.say_last);
  CHECK_FALSE(t.down(1, DownReason::planned).say_last);  // said twice
  CHECK(t.admission() == Admission::hold);
  const ShardStep ended = t.down(1, DownReason::restarting);
  CHECK(ended.fail_sent);
  CHECK_FALSE(ended.fail_queued);
  CHECK(t.admission() == Admission::hold);
  CHECK(t.up(2).open);
  CHECK(t.ready(2).serve);
}

TEST_CASE("a hold that lasts too long ends in refusal", "[router]") {
  Table t;
  t.up(1);
  t.ready(1);
  t.down(1, DownReason::planned);
  CHECK_FALSE(t.after(4999ms).fail_queued);
  CHECK(t.after(1ms).fail_queued);
  CHECK(t.admission() == Admission::refuse);
}

TEST_CASE("a shard that nothing was said about is refused after the hold", "[router]") {
  Table t;
  CHECK_FALSE(t.after(4s).fail_queued);
  CHECK(t.after(1s).fail_queued);
  CHECK(t.admission() == Admission::refuse);
}

TEST_CASE("HELLO goes out again on a fresh socket, and READY ends a refusal", "[router]") {
  Table t;
  t.up(1);
  const ShardStep again = t.after(2s);
  CHECK(again.close);
  CHECK(again.open);
  CHECK_FALSE(t.after(1s).open);
  CHECK(t.after(2s).fail_queued);
  CHECK(t.admission() == Admission::refuse);
  CHECK(t.ready(1).serve);
  CHECK(t.admission() == Admission::send);
}
