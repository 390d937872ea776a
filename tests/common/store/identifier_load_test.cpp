// The index of identifiers filled from pages, by a second thread or without one, against SQLite's own stepping over
// the rows; and what becomes of a store whose rows are damaged.
#include "store/identifier_load.h"

#include <catch2/catch.hpp>
#include <map>

#include "tests/common/store/workload.h"

using namespace spex;
using namespace spex::store;
using namespace spex::store::testing;

namespace {

constexpr std::uint32_t kInstances = 5'000;

// Some pages have few rows, so that there are more pages than are ever under way; some rows need more than a page.
void make_instances(const StoreOptions& options) {
  const auto store = open_store(options);
  const SpecificationId orders = value_of(store->intern_specification("order"));
  const SpecificationId parcels = value_of(store->intern_specification("parcel"));
  const NameId name = value_of(store->intern("step"));
  for (std::uint32_t i = 0; i < kInstances; ++i) {
    const std::string meta(i % 500 == 0 ? 6'000 : i % 16 < 8 ? 700 : 10, 'm');
    value_of(store->create(identifier_of(i), i % 3 == 0 ? parcels : orders, meta, {name, name, kEpoch, {}, 0}, nullptr,
                           nullptr));
  }
  for (std::uint32_t i = 0; i < kInstances; i += 7) {
    succeed(store->remove(*store->find(identifier_of(i)), nullptr, nullptr));
  }
  succeed(store->commit());
  succeed(store->close());
}

Database open_database(const StoreOptions& options) {
  return value_of(Database::open(options.path, Database::Access::read_write));
}

void damage_row(const StoreOptions& options, std::uint32_t number) {
  Database database = open_database(options);
  succeed(database.run("UPDATE instances SET created=created+1 WHERE number=" + std::to_string(number)));
}

}  // namespace

TEST_CASE("a second thread loads the same identifiers as are stepped over row by row", "[store][recovery]") {
  const TempDirectory directory;
  const StoreOptions options = small_options(directory);
  make_instances(options);
  Database database = open_database(options);
  const bool beside = GENERATE(true, false);
  const bool fed = GENERATE(true, false);
  ByteIndex index(7, kInstances);
  Identifiers identifiers(index, kInstances);
  IdentifierLoad load(database, identifiers, beside);
  for (int i = 0; fed && i < 1'000; ++i) {
    load.feed();
    REQUIRE(value_of(database.integer("SELECT count(*) FROM log")) > 0);  // other reading goes on meanwhile
  }
  int told = 0;
  REQUIRE(load.finish([&] { ++told; }));
  REQUIRE((fed || told > 0));
  std::uint64_t rows = 0;
  Statement statement = value_of(Statement::prepare(database, kInstanceRows));
  for (; value_of(statement.step()); ++rows) {
    const StoredInstance stored = stored_instance(statement).value();
    if (index.find(stored.row.identifier) != stored.row.number ||
        identifiers.specification(stored.row.number) != stored.row.specification) {
      FAIL("loaded wrong: " << stored.row.identifier);
    }
  }
  REQUIRE(identifiers.rows() == rows);
  REQUIRE(index.size() == rows);
  REQUIRE(rows < kInstances);
  REQUIRE(rows > kInstances / 2);
}

TEST_CASE("a row that is damaged ends the loading of identifiers, wherever it is", "[store][recovery]") {
  const std::uint32_t number = GENERATE(2U, 2'501U, 4'998U);
  const TempDirectory directory;
  const StoreOptions options = small_options(directory);
  make_instances(options);
  damage_row(options, number);
  {
    Database database = open_database(options);
    for (const bool beside : {true, false}) {
      ByteIndex index(7, kInstances);
      Identifiers identifiers(index, kInstances);
      REQUIRE_FALSE(IdentifierLoad(database, identifiers, beside).finish([] {}));
    }
  }
  const auto store = InstanceStore::open(options);
  REQUIRE_FALSE(store);
  REQUIRE(store.error().reason == base::Reason::storage_corrupt);
  const std::string text = base::to_string(store.error());
  CAPTURE(text);
  REQUIRE(text.find("the row is damaged of instance " + std::to_string(number)) != std::string::npos);
}

TEST_CASE("loading of identifiers can be given up at any time", "[store][recovery]") {
  const TempDirectory directory;
  const StoreOptions options = small_options(directory);
  make_instances(options);
  Database database = open_database(options);
  for (int feeds = 0; feeds < 4; ++feeds) {
    ByteIndex index(7, kInstances);
    Identifiers identifiers(index, kInstances);
    IdentifierLoad load(database, identifiers, true);
    for (int i = 0; i < feeds; ++i) load.feed();
  }
  REQUIRE(value_of(database.integer("SELECT count(*) FROM instances")) > 0);
}
