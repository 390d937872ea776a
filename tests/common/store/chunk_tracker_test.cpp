#include "store/chunk_tracker.h"

#include <catch2/catch.hpp>

TEST_CASE("chunks are saved so often that a start replays few operations", "[chunks]") {
  constexpr std::uint64_t kPerChunk = 124;
  constexpr std::uint64_t kSlowest = 480;
  const auto pace = [&](std::uint64_t chunks) {
    return spex::store::operations_per_chunk(chunks, kPerChunk, kSlowest);
  };
  CHECK(pace(0) == kSlowest);
  CHECK(pace(600) == kSlowest);
  CHECK(pace(1'000) == 300);
  CHECK(pace(8'065) == kPerChunk);  // one per instance
  CHECK(pace(80'645) * 80'645 <= 10'000'000);
  CHECK(pace(806'452) * 806'452 <= 10'000'000);
  CHECK(pace(100'000'000) == 1);
  CHECK(spex::store::operations_per_chunk(8'065, kPerChunk, 4) == 4);
}
