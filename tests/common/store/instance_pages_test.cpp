// The rows of `instances` taken out of the pages that SQLite reads, against SQLite's own stepping over them.
#include "store/instance_pages.h"

#include <array>
#include <catch2/catch.hpp>
#include <fstream>
#include <map>
#include <random>

#include "tests/common/store/workload.h"

using namespace spex;
using namespace spex::store;
using namespace spex::store::testing;

namespace {

using Rows = std::map<std::uint32_t, std::string>;

void add(Rows& rows, const StoredInstance& stored) {
  const InstanceRow& row = stored.row;
  REQUIRE(is_head_sound(row, stored.checksum));
  const std::string text = std::string(row.identifier) + " " + std::to_string(row.specification) + " " +
                           std::to_string(row.created) + " " + std::to_string(row.base_state) + " " +
                           std::to_string(stored.checksum);
  REQUIRE(rows.emplace(row.number, text).second);
}

bool see_pages(Database& database, const SeeInstances& see) {
  InstancePageReader reader = value_of(InstancePageReader::begin(database));
  InstancePages pages(reader.usable(), see);
  std::array<std::uint8_t, kInstancePageBytes> page;
  while (true) {
    const auto found = reader.next(page.data());
    if (!found) return false;
    if (!*found) return pages.see_apart(database);
    if (!pages.take(page)) return false;
  }
}

bool see_pages(Database& database, Rows& rows) {
  return see_pages(database, [&](std::span<const StoredInstance> some) {
    for (const StoredInstance& stored : some) add(rows, stored);
    return true;
  });
}

Rows stepped_over(Database& database) {
  Rows rows;
  Statement statement = value_of(Statement::prepare(database, kInstanceRows));
  while (value_of(statement.step())) {
    const auto stored = stored_instance(statement);
    REQUIRE(stored);
    add(rows, *stored);
  }
  return rows;
}

// The files of a store that is open, as a kill at this moment would leave them.
Database database_as_of_now(const StoreOptions& options, const TempDirectory& copy) {
  const std::string to = copy.file("shard_3.sqlite");
  for (const char* suffix : {"", "-wal"}) {
    std::filesystem::copy_file(options.path + suffix, to + suffix, std::filesystem::copy_options::overwrite_existing);
  }
  return value_of(Database::open(to, Database::Access::read_write));
}

class Instances {
 public:
  explicit Instances(InstanceStore& store) : store_(store) {
    specification_ = value_of(store.intern_specification("order"));
    name_ = value_of(store.intern("step"));
  }
  void create(const std::string& identifier, std::size_t meta) {
    const std::string bytes(meta, 'm');
    value_of(store_.create(identifier, specification_, bytes, {name_, name_, kEpoch, {}, 0}, nullptr, nullptr));
  }
  void mock(const std::string& identifier) {
    value_of(store_.mock(identifier, specification_, "", name_, kEpoch + 1, nullptr, nullptr));
  }
  void remove(const std::string& identifier) {
    if (const auto number = store_.find(identifier)) succeed(store_.remove(*number, nullptr, nullptr));
  }

 private:
  InstanceStore& store_;
  SpecificationId specification_;
  NameId name_;
};

}  // namespace

TEST_CASE("each row of instances is seen once, whether its page is in the file, the log or in memory") {
  const std::uint64_t seed = GENERATE(1U, 2U, 3U);
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const TempDirectory directory;
  const StoreOptions options = small_options(directory);
  const auto store = open_store(options);
  Instances instances(*store);
  std::size_t rows = 0;
  for (int round = 0; round < 12; ++round) {
    for (int i = 0; i < 60; ++i) {
      const std::string identifier = std::string(1 + random() % 40, 'i') + std::to_string(random() % 500);
      if (random() % 3 == 0) {
        instances.remove(identifier);
      } else if (store->find(identifier)) {
        instances.mock(identifier);
      } else {
        instances.create(identifier, random() % 16 == 0 ? random() % 9'000 : random() % 200);
      }
    }
    succeed(store->commit());
    value_of(store->maintain(kEpoch));
    const TempDirectory copy;
    Database database = database_as_of_now(options, copy);
    Rows seen;
    REQUIRE(see_pages(database, seen));
    REQUIRE(seen == stepped_over(database));
    Rows again;  // the pages are in memory now
    REQUIRE(see_pages(database, again));
    REQUIRE(again == seen);
    rows = seen.size();
  }
  REQUIRE(rows > 100);
}

TEST_CASE("rows are not said to be all when a page of them is damaged, nor when the one who sees them stops") {
  const TempDirectory directory;
  const StoreOptions options = small_options(directory);
  auto store = open_store(options);
  Instances instances(*store);
  for (int i = 0; i < 300; ++i) instances.create(identifier_of(static_cast<std::uint64_t>(i)), 100);
  succeed(store->close());
  {
    Database database = value_of(Database::open(options.path, Database::Access::read_write));
    REQUIRE_FALSE(see_pages(database, [](std::span<const StoredInstance>) { return false; }));
    Rows rows;
    REQUIRE(see_pages(database, rows));
    REQUIRE(rows.size() == 300);
  }
  const std::uintmax_t pages = std::filesystem::file_size(options.path) / 4'096;
  int damaged = 0;
  for (std::uintmax_t page = 1; page < pages; ++page) {
    const TempDirectory copy;
    const std::string path = copy.file("shard_3.sqlite");
    std::filesystem::copy_file(options.path, path);
    {
      std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(static_cast<std::streamoff>(page * 4'096 + 3'000));
      file.put('?');
    }
    Database database = value_of(Database::open(path, Database::Access::read_write));
    Rows rows;
    if (see_pages(database, rows)) {
      REQUIRE(rows.size() == 300);
    } else {
      ++damaged;
    }
  }
  REQUIRE(damaged > 5);
}
