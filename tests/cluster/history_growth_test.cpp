// A long history of one instance: right at every length, and the last step
// costs what the first did. Prints figures and asserts no time.
#include <catch2/catch.hpp>
#include <iostream>

#include "support/cluster.h"

namespace spex::test {
namespace {

constexpr int kSteps = 10'000;
constexpr int kSlice = 500;

TEST_CASE("ten thousand steps on one instance", "[history]") {
  ClusterOptions options;
  options.specs = {{"ring.spec", "Specification: ring\nTransitions:\ns0 --[tick]-> s0\n"}};
  options.models = {
      {"ring.spex",
       "Specification: ring\nLearning mode: false\nTransitions:\nnil --[__initialisation__]-> s0\ns0 --[tick]-> s0\n"}};
  Cluster cluster(std::move(options));
  cluster.start();
  auto client = cluster.client();
  REQUIRE(client->init("ring", "long").ok);
  std::vector<double> slices;  // microseconds per step, one request at a time
  for (int step = 0; step < kSteps; step += kSlice) {
    const auto begin = std::chrono::steady_clock::now();
    for (int i = step + 1; i <= step + kSlice; ++i)
      REQUIRE(client->call(Operation::transition, "long", Array{"tick", "s0", i}).ok);
    const std::chrono::duration<double, std::micro> taken = std::chrono::steady_clock::now() - begin;
    slices.push_back(taken.count() / kSlice);
  }
  std::cout << "history of one instance: first " << kSlice << " steps " << slices.front() << " us each, last "
            << slices.back() << " us each\n";

  const auto check_all = [&] {
    int expected = kSteps;
    Value before;
    while (expected > 0) {
      const WireReply reply = client->get("long", 1000, before);
      REQUIRE(reply.ok);
      REQUIRE(at(reply.body, "transitions_total") == Value(kSteps + 1));
      const Value& records = at(reply.body, "transitions");
      REQUIRE(size_of(records) > 0);
      for (std::size_t i = 0; i < size_of(records) && expected > 0; ++i, --expected)
        REQUIRE(at(at(records, i), 3) == Value(expected));
      before = expected + 2;  // the record number of the oldest one read
    }
  };
  check_all();
  cluster.kill_and_wait_ready("shard-1");
  check_all();
  cluster.stop();
  cluster.start();
  client = cluster.client();
  check_all();
  cluster.stop();
}

}  // namespace
}  // namespace spex::test
