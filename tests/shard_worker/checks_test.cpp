// The queue and memory of checks, and the thread that runs them.
#include "shard_worker/checks.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <condition_variable>
#include <map>
#include <mutex>

#include "shard_worker/check_thread.h"

namespace spex::shard_worker {
namespace {

class Held final : public CheckRunner {
 public:
  void start(CheckJob job) override { jobs.push_back(std::move(job)); }
  std::vector<CheckJob> jobs;
};

CheckKey key(std::uint32_t to) { return {1, 1, 1, {1, 1, to}}; }

KnownJudgement judged(std::size_t bytes) {
  Judgement judgement;
  judgement.kind = conformance::VerdictKind::not_bisimilar;
  judgement.explanation = std::string(bytes, 'x');
  return std::make_shared<const Judgement>(std::move(judgement));
}

TEST_CASE("a verdict is remembered for its model version, the oldest ones are forgotten", "[checks]") {
  Held runner;
  Checks checks(runner, 64);
  for (std::uint32_t i = 0; i <= Checks::kVerdictsMax; ++i) {
    const auto ticket = checks.start(key(i), 1, {});
    REQUIRE(ticket);
    CHECK(checks.running(key(i)) == ticket);
    checks.finish(*ticket, judged(1));
  }
  CHECK(checks.known(key(0)) == nullptr);
  CHECK(checks.known(key(1)) != nullptr);
  CHECK(checks.remembered() == Checks::kVerdictsMax);
  CheckKey newer = key(1);
  newer.model_version = 2;
  CHECK(checks.known(newer) == nullptr);
}

TEST_CASE("what is remembered is bounded in bytes, too", "[checks]") {
  Held runner;
  Checks checks(runner, 64);
  constexpr std::size_t kLarge = 1u << 20;
  for (std::uint32_t i = 0; i < 40; ++i) checks.finish(*checks.start(key(i), 1, {}), judged(kLarge));
  CHECK(checks.remembered() == Checks::kVerdictBytesMax / kLarge);
  CHECK(checks.known(key(0)) == nullptr);
  CHECK(checks.known(key(39)) != nullptr);
}

TEST_CASE("the queue is bounded for each client and for all together", "[checks]") {
  Held runner;
  Checks checks(runner, 8);
  std::vector<std::uint64_t> tickets;
  std::uint32_t number = 0;
  for (std::uint64_t client = 1; client <= 4; ++client) {
    for (int i = 0; i < 2; ++i) tickets.push_back(*checks.start(key(++number), client, {}));
    CHECK_FALSE(checks.start(key(1000), client, {}));
  }
  CHECK_FALSE(checks.start(key(1001), 5, {}));
  CHECK(checks.queued() == 8);
  CHECK(runner.jobs.size() == 8);
  checks.finish(tickets[0], judged(0));
  CHECK_FALSE(checks.start(key(1002), 2, {}));
  CHECK(checks.start(key(1003), 1, {}));
}

// Waits for judgements that the thread hands over.
class Inbox {
 public:
  CheckThread::OnDone on_done() {
    return [this](std::uint64_t ticket, KnownJudgement judgement) {
      const std::lock_guard lock(mutex_);
      order_.push_back(ticket);
      judgements_[ticket] = std::move(judgement);
      arrived_.notify_all();
    };
  }
  // The tickets in the order in which they were done, once there are `count`.
  std::vector<std::uint64_t> wait(std::size_t count) {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [&] { return order_.size() >= count; });
    return order_;
  }
  KnownJudgement of(std::uint64_t ticket) { return judgements_.at(ticket); }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<std::uint64_t> order_;
  std::map<std::uint64_t, KnownJudgement> judgements_;
};

// A chain of `length` steps of one action, which is its own specification.
CheckJob chain(std::uint64_t ticket, std::uint64_t client, std::size_t length) {
  std::vector<conformance::NamedTransition> steps;
  for (std::size_t i = 0; i < length; ++i) steps.push_back({"s" + std::to_string(i), "t", "s" + std::to_string(i + 1)});
  auto specification = conformance::Specification::make("chain", "", steps);
  REQUIRE(specification.ok());
  steps.push_back({"", "__initialisation__", "s0"});
  return {ticket, client, std::make_shared<const conformance::Specification>(std::move(specification).value()),
          std::make_shared<const std::vector<conformance::NamedTransition>>(std::move(steps)), std::nullopt};
}

TEST_CASE("clients take turns: one with many long checks does not hold up another", "[checks]") {
  Inbox inbox;
  CheckThread thread(inbox.on_done());
  for (std::uint64_t ticket = 1; ticket <= 10; ++ticket) thread.start(chain(ticket, 1, 4'000));
  thread.start(chain(11, 2, 1));
  const auto order = inbox.wait(11);
  const auto place = std::find(order.begin(), order.end(), 11u) - order.begin();
  // However far the first client was when the second came, it waits for one check at most, and one turn.
  CHECK(place < 10);
  for (std::uint64_t ticket = 1; ticket <= 11; ++ticket) CHECK(inbox.of(ticket)->equivalent());
}

TEST_CASE("a check that differs brings its explanation", "[checks]") {
  Inbox inbox;
  CheckThread thread(inbox.on_done());
  CheckJob job = chain(1, 1, 3);
  job.added = conformance::NamedTransition{"s1", "x", "s2"};
  thread.start(std::move(job));
  inbox.wait(1);
  CHECK_FALSE(inbox.of(1)->equivalent());
  CHECK_THAT(inbox.of(1)->story, Catch::Contains("can do `x`"));
  CHECK_FALSE(inbox.of(1)->explanation.empty());
}

TEST_CASE("the thread ends with checks still queued", "[checks]") {
  Inbox inbox;
  {
    CheckThread thread(inbox.on_done());
    for (std::uint64_t ticket = 1; ticket <= 50; ++ticket) thread.start(chain(ticket, 1, 1'000));
  }
  CHECK(inbox.wait(0).size() <= 50);
}

}  // namespace
}  // namespace spex::shard_worker
