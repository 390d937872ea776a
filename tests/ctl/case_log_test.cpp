#include "ctl/case_log.h"

#include <catch2/catch.hpp>

#include "ctl/replay_plan.h"

namespace spex::ctl {
namespace {

const LogColumns kColumns{"case", "activity", "time", std::nullopt};
constexpr std::string_view kCsv =
    "case,activity,time\n"
    "c1,pay,2026-01-01T00:00:00Z\n"
    "c2,pay,2026-01-01 01:00:00+01:00\n"
    "c1,\"ship, fast\",2026-01-02T00:00:00Z\n";

TEST_CASE("cases are numbered by their first event, events keep the order of the file", "[case_log]") {
  const auto log = read_case_log(kCsv, "log.csv", kColumns);
  REQUIRE(log.ok());
  CHECK(log->cases == std::vector<std::string>{"c1", "c2"});
  REQUIRE(log->events.size() == 3);
  CHECK(log->events[2].case_number == 0);
  CHECK(log->activity(log->events[2]) == "ship, fast");
  CHECK(log->state(log->events[2]) == "ship, fast");
  CHECK(log->events[0].occurred_at == log->events[1].occurred_at);
}

TEST_CASE("JSON lines say the same as CSV", "[case_log]") {
  const auto log = read_case_log(
      "{\"case\":7,\"activity\":\"pay\",\"to\":\"paid\"}\n\n{\"case\":\"7\",\"activity\":\"ship\",\"to\":\"x\"}\n",
      "log.jsonl", {"case", "activity", std::nullopt, "to"});
  REQUIRE(log.ok());
  CHECK(log->cases == std::vector<std::string>{"7"});
  CHECK(log->state(log->events[0]) == "paid");
  CHECK_FALSE(log->events[0].occurred_at);
}

TEST_CASE("what is wrong with a log is named with file and line", "[case_log]") {
  const auto message = [](std::string_view text) {
    const auto log = read_case_log(text, "log.csv", kColumns);
    return log.ok() ? std::string() : log.error().message;
  };
  CHECK(message("case,time\nx,y\n") == "log.csv has no column 'activity'; it has case, time");
  CHECK(message("case,activity,time\nc1,pay\n").starts_with("log.csv:2: 2 fields"));
  CHECK(message("case,activity,time\nc1,pay,yesterday\n").starts_with("log.csv:2: the time 'yesterday'"));
  CHECK(message("case,activity,time\n,pay,2026-01-01T00:00:00Z\n") == "log.csv:2: the case is empty");
  CHECK(message("case,activity,time\n") == "log.csv: there is no event");
  CHECK(message("") == "log.csv: the file is empty");
}

TEST_CASE("the directly-follows model of the first cases has each step once", "[case_log]") {
  const auto log = read_case_log(kCsv, "log.csv", kColumns);
  REQUIRE(log.ok());
  using conformance::NamedTransition;
  CHECK(directly_follows(*log, 1) == std::vector<NamedTransition>{{"", "__initialisation__", "start"},
                                                                  {"pay", "ship, fast", "ship, fast"},
                                                                  {"start", "pay", "pay"}});
}

CaseLog three_cases() {
  CaseLog log;
  log.cases = {"a", "b", "c"};
  log.names = {"x"};
  for (const std::uint32_t number : {0u, 1u, 0u, 2u, 0u}) log.events.push_back({number, 0, 0, std::nullopt});
  return log;
}

TEST_CASE("each case is initialised first and has one step under way", "[replay]") {
  const CaseLog log = three_cases();
  ReplayPlan plan(log, 0, 2);
  const auto a = plan.next();
  const auto b = plan.next();
  REQUIRE((a && b));
  CHECK(a->case_number == 0);
  CHECK_FALSE(a->event);
  CHECK(b->case_number == 1);
  CHECK_FALSE(plan.next());
  plan.done(0, true);
  const auto first = plan.next();
  REQUIRE(first);
  CHECK(first->event == 0u);
  plan.done(0, true);
  CHECK(plan.next()->event == 2u);
  CHECK_FALSE(plan.finished());
}

TEST_CASE("all steps of the chosen cases are done once, each case in order", "[replay]") {
  const CaseLog log = three_cases();
  ReplayPlan plan(log, 0, 3);
  std::vector<std::uint32_t> events;
  unsigned initialised = 0;
  while (const auto step = plan.next()) {
    step->event ? events.push_back(*step->event) : void(++initialised);
    plan.done(step->case_number, true);
  }
  CHECK(plan.finished());
  CHECK(initialised == 3);
  CHECK(events == std::vector<std::uint32_t>{0, 2, 4, 1, 3});
}

TEST_CASE("a case that is given up skips the rest of its events", "[replay]") {
  const CaseLog log = three_cases();
  ReplayPlan plan(log, 0, 1);
  plan.next();
  plan.done(0, false);
  CHECK_FALSE(plan.next());
  CHECK(plan.finished());
  CHECK(plan.skipped_events() == 3);
}

}  // namespace
}  // namespace spex::ctl
