#include <catch2/catch.hpp>

#include "shard_worker/background_pace.h"
#include "shard_worker/background_turn.h"
#include "shard_worker/listing_pace.h"
#include "tests/support/temp_dir.h"

namespace spex::shard_worker {
namespace {

using std::chrono::milliseconds;

base::MonotonicTime at_ms(std::int64_t ms) { return base::MonotonicTime(std::chrono::hours(1) + milliseconds(ms)); }

TEST_CASE("a slice is followed by a pause as long as it took, up to a bound", "[background]") {
  BackgroundPace pace;
  CHECK(pace.may_work(at_ms(0), false));
  pace.asked(at_ms(0));
  pace.sliced(at_ms(0), at_ms(3), true);
  CHECK_FALSE(pace.may_work(at_ms(5), false));
  CHECK(pace.may_work(at_ms(6), false));
  CHECK(pace.next() == at_ms(6));
  pace.maintained(at_ms(6), at_ms(900));
  CHECK(pace.next() == at_ms(1000));
}

TEST_CASE("a turn with requests does background work only when there was none for a while", "[background]") {
  BackgroundPace pace;
  pace.asked(at_ms(0));
  pace.sliced(at_ms(0), at_ms(1), true);
  CHECK(pace.may_work(at_ms(10), false));
  CHECK_FALSE(pace.may_work(at_ms(20), true));
  CHECK(pace.may_work(at_ms(21), true));
}

TEST_CASE("slices shrink while they take too long and grow again", "[background]") {
  BackgroundPace pace;
  pace.asked(at_ms(0));
  for (int i = 0; i < 10; ++i) pace.sliced(at_ms(10), at_ms(16), true);
  CHECK(pace.changes_max() == BackgroundPace::kChangesLeast);
  pace.sliced(at_ms(20), at_ms(21), true);
  CHECK(pace.changes_max() == BackgroundPace::kChangesLeast + BackgroundPace::kChangesStep);
  pace.sliced(at_ms(30), at_ms(31), false);  // a small one says nothing about larger ones
  CHECK(pace.changes_max() == BackgroundPace::kChangesLeast + BackgroundPace::kChangesStep);
  for (int i = 0; i < 100; ++i) pace.sliced(at_ms(40), at_ms(41), true);
  CHECK(pace.changes_max() == BackgroundPace::kChangesMost);
}

TEST_CASE("a page of a listing is as long as what others asked meanwhile, and full when they are gone",
          "[background]") {
  ListingPace pace;
  CHECK(pace.next_page(at_ms(0)) == protocol::kPageInstancesMax);
  pace.asked(at_ms(1));
  CHECK(pace.next_page(at_ms(2)) == ListingPace::kLeast);
  for (int i = 0; i < 300; ++i) pace.asked(at_ms(3));
  CHECK(pace.next_page(at_ms(4)) == 300);
  CHECK(pace.next_page(at_ms(5)) == ListingPace::kLeast);
  for (int i = 0; i < 5'000; ++i) pace.asked(at_ms(6));
  CHECK(pace.next_page(at_ms(7)) == protocol::kPageInstancesMax);
  CHECK(pace.next_page(at_ms(1'005)) == ListingPace::kLeast);
  CHECK(pace.next_page(at_ms(1'006)) == protocol::kPageInstancesMax);
}

TEST_CASE("while nobody asks, slices are large, follow each other and give way to nobody", "[background]") {
  BackgroundPace pace;
  for (int i = 0; i < 10; ++i) pace.sliced(at_ms(0), at_ms(50), true);
  CHECK(pace.changes_max() == BackgroundPace::kChangesMost);
  CHECK(pace.may_work(at_ms(50), false));
  CHECK_FALSE(pace.gives_way(at_ms(50)));
  pace.asked(at_ms(100));
  pace.sliced(at_ms(150), at_ms(200), true);
  CHECK(pace.changes_max() == BackgroundPace::kChangesMost / 2);
  pace.sliced(at_ms(1100), at_ms(1150), true);
  CHECK(pace.changes_max() == BackgroundPace::kChangesMost / 2 + BackgroundPace::kChangesStep);
}

TEST_CASE("where commits are slow anyway, slices may take three of them", "[background]") {
  BackgroundPace pace;
  pace.asked(at_ms(0));
  for (int i = 0; i < 100; ++i) pace.committed(milliseconds(10));
  pace.sliced(at_ms(0), at_ms(28), true);
  CHECK(pace.changes_max() == BackgroundPace::kChangesMost);
  pace.sliced(at_ms(0), at_ms(31), true);
  CHECK(pace.changes_max() == BackgroundPace::kChangesMost / 2);
}

TEST_CASE("a shard gives way to another one, but not for ever", "[background]") {
  BackgroundPace pace;
  pace.asked(at_ms(500));
  CHECK(pace.gives_way(at_ms(0)));
  CHECK_FALSE(pace.may_work(at_ms(0), false));
  CHECK(pace.may_work(at_ms(1), false));
  CHECK(pace.gives_way(at_ms(999)));
  CHECK_FALSE(pace.gives_way(at_ms(1000)));
  pace.sliced(at_ms(1000), at_ms(1001), true);
  CHECK(pace.gives_way(at_ms(1002)));  // the next wait begins anew
}

TEST_CASE("shards of one place take turns, those of another are free", "[background]") {
  const test::TempDir directory;
  const std::string path = directory.file("background.lock");
  BackgroundTurn first(path, base::ShardId(1), 2);
  BackgroundTurn second(path, base::ShardId(2), 2);
  CHECK(first.try_take());
  CHECK(first.try_take());
  CHECK(second.try_take());
  {
    BackgroundTurn third(path, base::ShardId(3), 2);
    CHECK_FALSE(third.try_take());
    third.give_back();
    CHECK_FALSE(third.try_take());
    first.give_back();
    CHECK(third.try_take());
    CHECK_FALSE(first.try_take());
  }
  CHECK(first.try_take());  // as when the process that had it ended
}

TEST_CASE("without its file nobody gives way", "[background]") {
  BackgroundTurn turn("/nowhere/background.lock", base::ShardId(1), 1);
  CHECK(turn.try_take());
}

}  // namespace
}  // namespace spex::shard_worker
