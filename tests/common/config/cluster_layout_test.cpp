#include "config/cluster_layout.h"

#include <catch2/catch.hpp>

#include "support/temp_dir.h"
#include "support/text_file.h"

using namespace spex::config;
using spex::base::Reason;

TEST_CASE("a new layout deals the slots in turn", "[config]") {
  const ClusterLayout layout = ClusterLayout::create(3);
  CHECK(layout.cluster_id.size() == 32);
  REQUIRE(layout.shard_of_slot.size() == kSlots);
  CHECK(layout.shard_of_slot[0] == 1);
  CHECK(layout.shard_of_slot[5] == 3);
  CHECK(layout.shard_of_slot[4095] == 4095 % 3 + 1);
  CHECK(ClusterLayout::create(3).cluster_id != layout.cluster_id);
}

TEST_CASE("layouts of every size come back as they were saved", "[config]") {
  const spex::test::TempDir dir;
  for (const std::uint32_t factor : {1u, 4u, 7u, 4096u}) {
    const ClusterLayout layout = ClusterLayout::create(factor);
    REQUIRE(save_layout(dir.path(), layout).ok());
    const auto loaded = load_layout(dir.path());
    REQUIRE(loaded.ok());
    CHECK(loaded->cluster_id == layout.cluster_id);
    CHECK(loaded->distribution_factor == factor);
    CHECK(loaded->shard_of_slot == layout.shard_of_slot);
  }
}

TEST_CASE("a missing layout and a damaged one are told apart", "[config]") {
  const spex::test::TempDir dir;
  CHECK(load_layout(dir.path()).error().reason == Reason::storage_open);
  REQUIRE(save_layout(dir.path(), ClusterLayout::create(4)).ok());
  const std::string whole = spex::test::read_text(layout_path(dir.path()));
  const auto damaged = [&](const std::string& text) {
    spex::test::write_text(layout_path(dir.path()), text);
    const auto loaded = load_layout(dir.path());
    return !loaded.ok() && loaded.error().reason == Reason::storage_corrupt;
  };
  for (std::size_t length = 0; length < whole.size(); length += 97) CHECK(damaged(whole.substr(0, length)));
  CHECK(damaged(whole.substr(0, whole.size() - 1)));
  CHECK(damaged(whole + "x"));
  CHECK(damaged("x" + whole));
  std::string other = whole;
  other.replace(other.find("slots: 1"), 8, "slots: 5");  // a shard that does not exist
  CHECK(damaged(other));
  CHECK_FALSE(damaged(whole));
}

TEST_CASE("a layout that cannot be written leaves the old one", "[config]") {
  const spex::test::TempDir dir;
  CHECK_FALSE(save_layout(dir.file("missing"), ClusterLayout::create(2)).ok());
  REQUIRE(save_layout(dir.path(), ClusterLayout::create(2)).ok());
  std::filesystem::create_directory(layout_path(dir.path()) + ".new");  // in the way of the temporary file
  CHECK_FALSE(save_layout(dir.path(), ClusterLayout::create(3)).ok());
  CHECK(load_layout(dir.path())->distribution_factor == 2);
}
