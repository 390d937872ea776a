// The life of requests with a clock that moves only when told.
#include "clients/cpp/pipeline.h"

#include <catch2/catch.hpp>

#include "tests/support/fake_clock.h"

namespace spex::client {
namespace {

using base::Reason;
using protocol::Operation;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Ids = std::vector<RequestId>;

struct Bench {
  explicit Bench(PipelineOptions options = {}) : pipeline(options) {}
  RequestId add(const Request& request) { return pipeline.submit(Request(request), clock.monotonic()); }
  RequestId step(const char* identifier) { return add(transition(identifier, "a", "s")); }
  // What goes out now.
  Ids send() {
    Ids ids = pipeline.take_ready(1000);
    for (const RequestId id : ids) pipeline.sent(id, clock.monotonic());
    return ids;
  }
  Pipeline::Fate answer(RequestId id, std::optional<Reason> error = std::nullopt) {
    const auto fate = pipeline.answered(id, error, clock.monotonic());
    if (fate == Pipeline::Fate::final) pipeline.finish(id, clock.monotonic());
    return fate;
  }
  std::vector<Pipeline::Failure> advance(base::Duration by) {
    clock.advance(by);
    std::vector<Pipeline::Failure> failures;
    pipeline.advance(clock.monotonic(), failures);
    for (const auto& failure : failures) pipeline.finish(failure.id, clock.monotonic());
    return failures;
  }
  test::FakeClock clock;
  Pipeline pipeline;
};

Request barrier() {
  Request request = plain(Operation::all_impl_models);
  request.ordering = Ordering::after_everything;
  return request;
}

TEST_CASE("requests of one identifier go out one after the other, others do not wait", "[pipeline]") {
  Bench bench;
  const auto a1 = bench.step("a");
  const auto a2 = bench.step("a");
  const auto b1 = bench.step("b");
  CHECK(bench.send() == Ids{a1, b1});
  CHECK(bench.answer(b1) == Pipeline::Fate::final);
  CHECK(bench.send().empty());
  CHECK(bench.answer(a1) == Pipeline::Fate::final);
  CHECK(bench.send() == Ids{a2});
}

TEST_CASE("among many requests at once each identifier has its own order", "[pipeline]") {
  constexpr std::size_t kIdentifiers = 500;  // more than the tables have room for at first
  Bench bench;
  Ids first;
  Ids second;
  bench.add(plain(Operation::ping));  // places and identifiers do not go in step
  for (std::size_t i = 0; i < kIdentifiers; ++i) first.push_back(bench.step(std::to_string(i).c_str()));
  for (std::size_t i = 0; i < kIdentifiers; ++i) second.push_back(bench.step(std::to_string(i).c_str()));
  CHECK(bench.send().size() == 1 + kIdentifiers);
  for (std::size_t i = 0; i < kIdentifiers; ++i) {
    const std::size_t next = i * 7 % kIdentifiers;
    CHECK(bench.answer(first[next]) == Pipeline::Fate::final);
    CHECK(bench.send() == Ids{second[next]});
    CHECK(bench.answer(second[next]) == Pipeline::Fate::final);
    CHECK(bench.pipeline.request(bench.step(std::to_string(next).c_str())).identifier.size() > 1);
    CHECK(bench.send().size() == 1);  // nothing of the identifier is under way any more
  }
}

TEST_CASE("long identifiers and arguments are sent as they were given, also in a place used before", "[pipeline]") {
  Bench bench;
  for (const std::size_t length : {1, 300, 3, 5000, 200, 257, 256}) {
    const std::string text(length, static_cast<char>('a' + length % 26));
    const Request request = transition(text, text, "s");
    const auto id = bench.add(request);
    CHECK(bench.pipeline.request(id).identifier == request.identifier);
    CHECK(bench.pipeline.request(id).arguments == request.arguments);
    bench.send();
    CHECK(bench.answer(id) == Pipeline::Fate::final);
  }
}

TEST_CASE("a request waits while an earlier one of its identifier is repeated", "[pipeline]") {
  Bench bench;
  const auto first = bench.step("a");
  const auto second = bench.step("a");
  bench.send();
  CHECK(bench.answer(first, Reason::shard_restarted) == Pipeline::Fate::repeated);
  CHECK(bench.send().empty());
  bench.advance(milliseconds(11));
  CHECK(bench.send() == Ids{first});
  CHECK(bench.answer(first) == Pipeline::Fate::final);
  CHECK(bench.send() == Ids{second});
  CHECK(bench.pipeline.repeats() == 1);
}

TEST_CASE("1 and 1.0 are different identifiers", "[pipeline]") {
  Bench bench;
  bench.add(transition(1, "a", "s"));
  bench.add(transition(1.0, "a", "s"));
  CHECK(bench.send().size() == 2);
}

TEST_CASE("a request after everything waits for all earlier ones, and later ones for it", "[pipeline]") {
  Bench bench;
  const auto a = bench.step("a");
  const auto b = bench.step("b");
  const auto all = bench.add(barrier());
  const auto again = bench.add(barrier());
  const auto c = bench.step("c");
  CHECK(bench.send() == Ids{a, b});
  bench.answer(a);
  CHECK(bench.send().empty());
  bench.answer(b);
  CHECK(bench.send() == Ids{all});
  bench.answer(all);
  CHECK(bench.send() == Ids{again});
  bench.answer(again);
  CHECK(bench.send() == Ids{c});
}

TEST_CASE("the key of a request stays through its repeats, and keys increase", "[pipeline]") {
  PipelineOptions options;
  options.first_key = 1000;
  Bench bench(options);
  const auto a = bench.step("a");
  const auto read = bench.add(get_instance("b"));
  const auto c = bench.step("c");
  bench.send();
  bench.answer(a, Reason::overloaded);
  bench.advance(seconds(1));
  bench.send();
  CHECK(bench.pipeline.key(a) == 1000);
  CHECK_FALSE(bench.pipeline.key(read));
  CHECK(bench.pipeline.key(c) == 1001);
}

TEST_CASE("without keys a mutation of unknown outcome is not repeated, a read is", "[pipeline]") {
  PipelineOptions options;
  options.keys = false;
  Bench bench(options);
  const auto write = bench.step("a");
  const auto read = bench.add(get_instance("b"));
  const auto refused = bench.step("c");
  bench.send();
  CHECK(bench.answer(write, Reason::shard_restarted) == Pipeline::Fate::final);
  CHECK(bench.answer(read, Reason::shard_restarted) == Pipeline::Fate::repeated);
  CHECK(bench.answer(refused, Reason::overloaded) == Pipeline::Fate::repeated);
}

TEST_CASE("no reply within the time of an attempt is an attempt that failed", "[pipeline]") {
  PipelineOptions options;
  options.request_timeout = seconds(2);
  Bench bench(options);
  const auto id = bench.step("a");
  bench.send();
  CHECK(bench.advance(milliseconds(2999)).empty());
  CHECK(bench.pipeline.in_flight() == 1);
  CHECK(bench.advance(milliseconds(2)).empty());
  CHECK(bench.pipeline.in_flight() == 0);
  bench.advance(milliseconds(11));
  CHECK(bench.send() == Ids{id});
}

TEST_CASE("a request is given up when its time is over, in flight, backing off or unsent", "[pipeline]") {
  PipelineOptions options;
  options.retry.give_up = seconds(30);
  Bench bench(options);
  SECTION("unsent") {
    const auto id = bench.step("a");
    CHECK(bench.advance(seconds(29)).empty());
    const auto failures = bench.advance(seconds(1));
    REQUIRE(failures.size() == 1);
    CHECK(failures[0].id == id);
    CHECK_FALSE(failures[0].was_sent);
    CHECK_FALSE(bench.pipeline.has_ready());
  }
  SECTION("repeated again and again") {
    bench.step("a");
    const auto waiting = bench.step("a");
    std::vector<Pipeline::Failure> failures;
    unsigned attempts = 0;
    for (int i = 0; i < 100 && failures.empty(); ++i) {
      attempts += static_cast<unsigned>(bench.send().size());
      failures = bench.advance(seconds(1));
    }
    REQUIRE(failures.size() == 1);
    CHECK(failures[0].was_sent);
    CHECK(attempts >= 2);
    CHECK(bench.send() == Ids{waiting});
  }
  SECTION("the answer that comes after the last repeat is final") {
    const auto id = bench.step("a");
    bench.send();
    bench.clock.advance(milliseconds(29'999));
    CHECK(bench.answer(id, Reason::shard_restarted) == Pipeline::Fate::final);
  }
}

TEST_CASE("nothing is repeated if that was not asked for", "[pipeline]") {
  PipelineOptions options;
  options.retry.repeat = false;
  Bench bench(options);
  const auto id = bench.step("a");
  bench.send();
  CHECK(bench.answer(id, Reason::overloaded) == Pipeline::Fate::final);
  bench.step("b");
  bench.send();
  CHECK(bench.advance(seconds(12)).size() == 1);
}

TEST_CASE("what was sent to a router that is gone is repeated at once", "[pipeline]") {
  Bench bench;
  const auto before = bench.step("a");
  bench.send();
  bench.clock.advance(milliseconds(5));
  const auto lost_at = bench.clock.monotonic();
  const auto after = bench.step("b");
  bench.send();
  bench.pipeline.lost(lost_at, seconds(6), bench.clock.monotonic());
  bench.advance(milliseconds(11));
  CHECK(bench.send() == Ids{before});
  CHECK(bench.answer(after) == Pipeline::Fate::final);
}

TEST_CASE("a late final answer to an earlier attempt counts, a stray one does not", "[pipeline]") {
  Bench bench;
  const auto id = bench.step("a");
  bench.send();
  bench.answer(id, Reason::deadline_exceeded);
  CHECK(bench.answer(id) == Pipeline::Fate::final);
  CHECK(bench.answer(id) == Pipeline::Fate::stray);
  CHECK(bench.answer(4711) == Pipeline::Fate::stray);
  bench.advance(seconds(1));
  CHECK(bench.send().empty());
}

TEST_CASE("a continued request keeps its place before later ones of its identifier", "[pipeline]") {
  Bench bench;
  const auto page = bench.add(get_instance("a"));
  const auto later = bench.step("a");
  bench.send();
  CHECK(bench.pipeline.answered(page, std::nullopt, bench.clock.monotonic()) == Pipeline::Fate::final);
  const auto next = bench.pipeline.continue_with(page, get_instance("a", std::nullopt, 7), bench.clock.monotonic());
  CHECK(bench.send() == Ids{next});
  CHECK(bench.answer(next) == Pipeline::Fate::final);
  CHECK(bench.send() == Ids{later});
}

TEST_CASE("an async request is over when it is sent, and can be parked until then", "[pipeline]") {
  Bench bench;
  const auto id = bench.add(transition_async("a", "x", "s"));
  const auto later = bench.step("a");
  REQUIRE(bench.pipeline.take_ready(10) == Ids{id});
  bench.pipeline.park(id);
  CHECK_FALSE(bench.pipeline.has_ready());
  bench.pipeline.unpark();
  CHECK(bench.send() == Ids{id});
  CHECK_FALSE(bench.pipeline.key(id));
  bench.pipeline.finish(id, bench.clock.monotonic());
  CHECK(bench.send() == Ids{later});
}

TEST_CASE("when all fails each request under way fails once, in order, and the queued follow", "[pipeline]") {
  Bench bench;
  const auto a = bench.step("a");
  const auto queued = bench.step("a");
  const auto b = bench.step("b");
  bench.send();
  std::vector<Pipeline::Failure> failures;
  bench.pipeline.fail_all(failures);
  REQUIRE(failures.size() == 2);
  CHECK(failures[0].id == a);
  CHECK(failures[1].id == b);
  for (const auto& failure : failures) bench.pipeline.finish(failure.id, bench.clock.monotonic());
  CHECK(bench.send() == Ids{queued});
}

}  // namespace
}  // namespace spex::client
