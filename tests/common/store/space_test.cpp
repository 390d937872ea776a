// Room on the disk: what is removed gives it back in small steps, and a full disk
// leaves reading and removing possible.
#include <sys/mount.h>

#include <catch2/catch.hpp>

#include "tests/common/store/fault_vfs.h"
#include "tests/common/store/workload.h"

using namespace spex;
using namespace spex::store;
using namespace spex::store::testing;

namespace {

// Until there is no more to do, committing each slice; how many there were.
int maintain_all(InstanceStore& store, base::Timestamp now) {
  int slices = 0;
  while (value_of(store.maintain(now))) {
    succeed(store.commit());
    REQUIRE(++slices < 10'000);
  }
  succeed(store.commit());
  return slices;
}

InstanceNumber create(InstanceStore& store, const std::string& identifier, const std::string& meta = "") {
  const NameId name = value_of(store.intern("created"));
  return value_of(store.create(identifier, value_of(store.intern_specification("order")), meta,
                               {name, name, kEpoch, {}, 0}, nullptr, nullptr));
}

// A file system of so many bytes in a directory, where the machine lets us mount one.
class SmallDisk {
 public:
  SmallDisk(const TempDirectory& directory, const std::string& size) : path_(directory.file("")) {
    mounted_ = ::mount("spex-test", path_.c_str(), "tmpfs", 0, ("size=" + size).c_str()) == 0;
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  bool is_mounted() const { return mounted_; }

 private:
  std::string path_;
  bool mounted_ = false;
};

}  // namespace

TEST_CASE("on a full disk checkpoints leave the reserve, however small, to what makes room", "[store][space]") {
  TempDirectory directory;
  const SmallDisk disk(directory, "9m");
  if (!disk.is_mounted()) {
    WARN("skipped: this machine does not let us mount a file system");
    return;
  }
  StoreOptions options = busy_options(directory);
  options.checkpoint_pages = 1'000;  // the log grows to 4 MiB and more before it is brought into the file
  options.reserve_bytes = 64 << 10;
  const auto store = open_store(options);
  std::vector<InstanceNumber> numbers;
  base::Result<void> committed;
  while (committed) {
    REQUIRE(numbers.size() < 1'000);
    numbers.push_back(create(*store, identifier_of(numbers.size()), std::string(20'000, 'm')));
    committed = store->commit();
  }
  numbers.pop_back();
  REQUIRE(committed.error().reason == base::Reason::storage_full);
  REQUIRE(store->statistics().low_space);
  REQUIRE(store->statistics().wal_bytes > 4 * options.reserve_bytes);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    CAPTURE(i);
    value_of(store->maintain(kEpoch));
    succeed(store->commit());
    succeed(store->remove(numbers[i], nullptr, nullptr));
    succeed(store->commit());
  }
  CHECK(store->statistics().checkpoint_failures == 0);
  maintain_all(*store, kEpoch + 2'000'000);
  value_of(store->maintain(kEpoch + 4'000'000));
  CHECK_FALSE(store->statistics().low_space);
  create(*store, "again", std::string(20'000, 'm'));
  succeed(store->commit());
}

TEST_CASE("an instance with a long archived history is removed in slices, its number withheld", "[store][space]") {
  TempDirectory directory;
  StoreOptions options = busy_options(directory);
  options.checkpoint_pages = 1'000;
  options.full_durability = false;
  auto store = open_store(options);
  const InstanceNumber number = create(*store, "long");
  const NameId name = value_of(store->intern("step"));
  for (int i = 0; i < 30'000; ++i) {
    value_of(store->append(number, {name, name, kEpoch, {}, 0}, nullptr, nullptr));
    if (i % 500 == 0) succeed(store->commit());
  }
  // Something removed makes the log before it due for archiving.
  succeed(store->remove(create(*store, "short"), nullptr, nullptr));
  succeed(store->commit());
  for (int i = 1; i < 20; ++i) maintain_all(*store, kEpoch + 10 * i);
  REQUIRE(store->statistics().archived_records > 20'000);
  REQUIRE(value_of(store->history(number, 0, 100'000)).size() == 30'001);

  succeed(store->remove(number, nullptr, nullptr));
  succeed(store->commit());
  CHECK(create(*store, "next") != number);
  succeed(store->commit());
  store.reset();
  store = open_store(options);
  CHECK(create(*store, "and next") != number);
  succeed(store->commit());
  CHECK(maintain_all(*store, kEpoch) >= 2);
  CHECK(create(*store, "at last") == number);
  CHECK(value_of(store->history(number, 0, 10)).size() == 1);
}

TEST_CASE("mocking over a long archived history begins anew", "[store][space]") {
  TempDirectory directory;
  StoreOptions options = busy_options(directory);
  options.checkpoint_pages = 1'000;
  options.full_durability = false;
  const auto store = open_store(options);
  const InstanceNumber number = create(*store, "long");
  const NameId name = value_of(store->intern("step"));
  for (int i = 0; i < 30'000; ++i) {
    value_of(store->append(number, {name, name, kEpoch, {}, 0}, nullptr, nullptr));
    if (i % 500 == 0) succeed(store->commit());
  }
  succeed(store->remove(create(*store, "short"), nullptr, nullptr));
  for (int i = 1; i < 20; ++i) maintain_all(*store, kEpoch + 10 * i);
  REQUIRE(store->statistics().archived_records > 20'000);
  const auto mocked =
      value_of(store->mock("long", value_of(store->intern_specification("order")), "", name, kEpoch, nullptr, nullptr));
  CHECK(store->find("long") == mocked);
  CHECK(store->instance(mocked).transitions_total == 0);
  CHECK(store->statistics().instances == 1);
}

TEST_CASE("the write-ahead log is brought into the file and stays small", "[store][space]") {
  TempDirectory directory;
  StoreOptions options = small_options(directory);  // checkpoint_pages = 50
  options.full_durability = false;
  const auto store = open_store(options);
  const bool maintained = GENERATE(true, false);
  for (std::uint64_t i = 0; i < 400; ++i) {
    create(*store, identifier_of(i), std::string(1'000, 'm'));
    succeed(store->commit());
    if (maintained) value_of(store->maintain(kEpoch));
    REQUIRE(store->statistics().wal_bytes < 130 * 4'200);
  }
  CHECK(store->statistics().file_bytes > 200'000);
}

TEST_CASE("a file becomes small again when what was in it is removed", "[store][space]") {
  TempDirectory directory;
  StoreOptions options = small_options(directory);
  options.full_durability = false;
  const auto store = open_store(options);
  for (int i = 0; i < 2'000; ++i) create(*store, identifier_of(static_cast<std::uint64_t>(i)), std::string(2'000, 'm'));
  succeed(store->commit());
  maintain_all(*store, kEpoch);
  succeed(store->commit());
  REQUIRE(store->statistics().file_bytes > 3'000'000);
  for (int i = 0; i < 2'000; ++i) {
    succeed(store->remove(*store->find(identifier_of(static_cast<std::uint64_t>(i))), nullptr, nullptr));
  }
  succeed(store->commit());
  CHECK(maintain_all(*store, kEpoch) > 3);  // in slices
  // In time the last free page goes as well.
  maintain_all(*store, kEpoch + options.reclaim_within);
  maintain_all(*store, kEpoch + 2 * options.reclaim_within);
  CHECK(store->statistics().free_pages == 0);
  succeed(store->close());
  CHECK(std::filesystem::file_size(options.path) < 300'000);
}

TEST_CASE("on a full disk the reserve is given up: reading and removing go on; with room it is taken again",
          "[store][space][faults]") {
  TempDirectory directory;
  StoreOptions options = small_options(directory);
  options.reserve_bytes = 1 << 20;
  const std::string reserve = directory.file("shard_3.reserve");
  FaultVfs vfs;
  const auto store = open_store(options);
  REQUIRE(std::filesystem::file_size(reserve) == 1 << 20);
  const InstanceNumber kept = create(*store, "kept");
  const InstanceNumber removed = create(*store, "removed");
  succeed(store->commit());

  create(*store, "too much");
  vfs.fail_at(1, static_cast<unsigned>(Call::write), kErrorFull, 1);
  const auto full = store->commit();
  REQUIRE_FALSE(full.ok());
  CHECK(full.error().reason == base::Reason::storage_full);
  CHECK_FALSE(std::filesystem::exists(reserve));
  CHECK(store->statistics().low_space);
  CHECK_FALSE(store->find("too much"));

  const NameId name = value_of(store->intern("step"));
  const Record record{name, name, kEpoch, {}, 0};
  const auto appended = store->append(kept, record, nullptr, nullptr);
  REQUIRE_FALSE(appended.ok());
  CHECK(appended.error().reason == base::Reason::storage_full);
  CHECK(value_of(store->history(kept, 0, 10)).size() == 1);
  succeed(store->remove(removed, nullptr, nullptr));
  value_of(store->append_event(kEpoch, "pruned"));
  succeed(store->commit());
  CHECK_FALSE(store->find("removed"));

  maintain_all(*store, kEpoch + 2'000'000);
  CHECK_FALSE(store->statistics().low_space);
  CHECK(std::filesystem::exists(reserve));
  value_of(store->append(kept, record, nullptr, nullptr));
  succeed(store->commit());
}
