#include "shard_worker/timeout_queue.h"

#include <catch2/catch.hpp>

namespace spex::shard_worker {
namespace {

using store::InstanceNumber;

base::MonotonicTime at(std::int64_t seconds) { return base::MonotonicTime(std::chrono::seconds(seconds)); }
constexpr std::int64_t kTen = 10'000'000;

TEST_CASE("an instance comes up when its newest record is too old, once", "[timeouts]") {
  TimeoutQueue queue;
  queue.record(InstanceNumber(1), at(100), kTen);
  CHECK_FALSE(queue.pop(at(109)));
  CHECK(queue.pop(at(110)) == InstanceNumber(1));
  CHECK(queue.is_due_or_put_back(InstanceNumber(1), at(110), kTen));
  CHECK_FALSE(queue.pop(at(1000)));
}

TEST_CASE("a newer record puts an instance off and makes no second entry", "[timeouts]") {
  TimeoutQueue queue;
  for (int second = 100; second < 109; ++second) queue.record(InstanceNumber(1), at(second), kTen);
  CHECK(queue.size() == 1);
  CHECK(queue.pop(at(110)) == InstanceNumber(1));
  CHECK_FALSE(queue.is_due_or_put_back(InstanceNumber(1), at(110), kTen));
  CHECK_FALSE(queue.pop(at(117)));
  CHECK(queue.pop(at(118)) == InstanceNumber(1));
}

TEST_CASE("a number that was reused with a shorter timeout comes up early enough", "[timeouts]") {
  TimeoutQueue queue;
  queue.record(InstanceNumber(1), at(100), 1000 * kTen);
  queue.record(InstanceNumber(1), at(101), kTen);
  CHECK(queue.pop(at(111)) == InstanceNumber(1));
  CHECK(queue.is_due_or_put_back(InstanceNumber(1), at(111), kTen));
  CHECK_FALSE(queue.pop(at(20'000)));  // the old entry is void
}

TEST_CASE("what was overdue before the start comes up at once, in order", "[timeouts]") {
  TimeoutQueue queue;
  queue.record(InstanceNumber(2), at(100), kTen, 5 * kTen);
  queue.record(InstanceNumber(3), at(100), kTen, 7 * kTen);
  queue.record(InstanceNumber(1), at(1), kTen, 7 * kTen);  // before the clock's own zero
  CHECK(queue.pop(at(100)) == InstanceNumber(1));
  CHECK(queue.pop(at(100)) == InstanceNumber(3));
  CHECK(queue.pop(at(100)) == InstanceNumber(2));
  CHECK_FALSE(queue.next());
}

}  // namespace
}  // namespace spex::shard_worker
