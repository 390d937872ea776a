// Files that were changed behind the store's back: what it serves is right or it says
// that it cannot; and files of an older version.
#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>

#include "store/sqlite.h"
#include "tests/common/store/workload.h"

using namespace spex;
using namespace spex::store;
using namespace spex::store::testing;

namespace {

constexpr std::size_t kPage = 4096;

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

struct Seen {
  std::string meta;
  std::vector<Record> history;
};

bool same(const std::vector<Record>& a, const std::vector<Record>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Record& x, const Record& y) {
    return x.action == y.action && x.to_state == y.to_state && x.at == y.at && x.sequence == y.sequence;
  });
}

// What a sound store says, by identifier.
struct Truth {
  std::map<std::string, Seen> instances;
  std::map<std::string, std::string> content;
};

Truth truth_of(InstanceStore& store) {
  Truth truth;
  store.scan(InstanceNumber(), [&](const Instance& instance) {
    const InstanceDetails details = value_of(store.details(instance.number));
    truth.instances[details.identifier] = {details.meta, value_of(store.history(instance.number, 0, 100'000))};
    return true;
  });
  truth.content = content_of(store);
  return truth;
}

std::string damage(std::string bytes, std::mt19937_64& random) {
  const std::size_t pages = bytes.size() / kPage;
  const std::size_t page = random() % pages;
  switch (random() % 6) {
    case 0:
      bytes.replace(page * kPage, kPage, kPage, '\0');
      break;
    case 1:  // another page in its place
      bytes.replace(page * kPage, kPage, bytes.substr(random() % pages * kPage, kPage));
      break;
    case 2:
      bytes.resize(random() % bytes.size());
      break;
    default:
      for (std::uint64_t i = 0; i < 1 + random() % 3; ++i) {
        bytes[random() % bytes.size()] ^= static_cast<char>(1 << random() % 8);
      }
  }
  return bytes;
}

struct Tally {
  int refused = 0;
  int unreadable = 0;
  int untouched = 0;
};

// Each answer is right or says corrupt.
void check_answers(InstanceStore& store, const Truth& truth, Tally& tally) {
  bool all = true;
  const auto right = [&](bool ok, base::Reason reason, bool equal) {
    if (ok) {
      REQUIRE(equal);
      return;
    }
    REQUIRE(reason == base::Reason::storage_corrupt);
    all = false;
  };
  REQUIRE(store.statistics().instances == truth.instances.size());
  for (const auto& [identifier, expected] : truth.instances) {
    CAPTURE(identifier);
    const auto number = store.find(identifier);
    REQUIRE(number);
    const auto details = store.details(*number);
    right(details.ok(), details ? base::Reason() : details.error().reason,
          details && details.value().meta == expected.meta && details.value().identifier == identifier);
    const auto history = store.history(*number, 0, 100'000);
    right(history.ok(), history ? base::Reason() : history.error().reason,
          history && same(history.value(), expected.history));
  }
  const auto events = store.events(0, 100'000);
  if (events) {
    for (const StoredEvent& event : events.value()) {
      REQUIRE(truth.content.at("events").find(std::to_string(event.number) + ":" + event.body + " ") !=
              std::string::npos);
    }
  }
  std::string keys;
  store.scan_keys([&](const StoredKey& key) {
    keys += std::to_string(key.key.client) + "/" + std::to_string(key.key.number) + ":" +
            std::to_string(key.outcome.sequence) + " ";
    return true;
  });
  REQUIRE(keys == truth.content.at("keys"));
  const auto batch = store.setting("batch");
  right(batch.ok(), batch ? base::Reason() : batch.error().reason, batch && batch.value() == truth.content.at("batch"));
  (all ? tally.untouched : tally.unreadable) += 1;
}

}  // namespace

TEST_CASE("whatever is damaged in a file, what is served is right or refused as corrupt", "[store][damage]") {
  const char* text = std::getenv("SPEX_TEST_SEED");
  const std::uint64_t seed = text ? std::strtoull(text, nullptr, 10) : std::random_device{}();
  const char* more = std::getenv("SPEX_STORE_FAULTS");
  const int runs = 150 * (more ? std::max(1, std::atoi(more)) : 1);
  TempDirectory directory;
  StoreOptions options = busy_options(directory);
  options.reclaim_within = 15;
  Truth truth;
  {
    const Workload workload{40, 60};
    const auto store = open_store(options);
    for (std::uint64_t i = 0; i < 60; ++i) {
      succeed(workload.apply(*store, i));
      succeed(store->commit());
      value_of(store->maintain(kEpoch + static_cast<base::Timestamp>(i)));
    }
    REQUIRE(store->statistics().archived_records > 0);
    truth = truth_of(*store);
    succeed(store->close());
  }
  const std::string sound = read_file(options.path);
  Tally tally;
  for (int run = 0; run < runs; ++run) {
    INFO("SPEX_TEST_SEED=" << seed << " run " << run);
    std::mt19937_64 random(seed + static_cast<std::uint64_t>(run));
    const std::string damaged = damage(sound, random);
    write_file(options.path, damaged);
    std::filesystem::remove(options.path + "-wal");
    {
      auto opened = InstanceStore::open(options);
      if (!opened) {
        REQUIRE(opened.error().reason == base::Reason::storage_corrupt);
        ++tally.refused;
      } else {
        check_answers(*opened.value(), truth, tally);
      }
    }
    const bool untouched = read_file(options.path) == damaged;
    REQUIRE(untouched);
  }
  if (more)
    WARN(tally.refused << " refused, " << tally.unreadable << " partly unreadable, " << tally.untouched << " whole");
  CHECK(tally.refused > 0);
  CHECK(tally.unreadable > 0);
}

TEST_CASE("damage to what belongs to an instance leaves its neighbours", "[store][damage]") {
  TempDirectory directory;
  const StoreOptions options = small_options(directory);
  {
    const auto store = open_store(options);
    const auto specification = value_of(store->intern_specification("order"));
    const NameId name = value_of(store->intern("created"));
    for (std::uint64_t n = 0; n < 30; ++n) {
      value_of(store->create(identifier_of(n), specification, "meta-of-" + std::to_string(n) + ".",
                             {name, name, kEpoch, {}, 0}, nullptr, nullptr));
    }
    succeed(store->close());
  }
  std::string bytes = read_file(options.path);
  const std::size_t at = bytes.find("meta-of-7.");
  REQUIRE(at != std::string::npos);
  bytes[at] = 'M';
  write_file(options.path, bytes);
  const auto store = open_store(options);
  for (std::uint64_t n = 0; n < 30; ++n) {
    const auto details = store->details(*store->find(identifier_of(n)));
    CAPTURE(n);
    REQUIRE(details.ok() == (n != 7));
    if (!details) CHECK(details.error().reason == base::Reason::storage_corrupt);
  }
  CHECK(store->statistics().corrupt_records == 1);
  // The check that runs when there is nothing to do finds it unasked.
  for (int i = 0; i < 10; ++i) value_of(store->maintain(kEpoch + i));
  CHECK(store->statistics().check_rounds > 0);
  CHECK(store->statistics().damaged_rows == 1);
}

TEST_CASE("a file of version 1 is brought to the newest version and keeps what it has", "[store][schema]") {
  TempDirectory directory;
  StoreOptions options = small_options(directory);
  options.path = directory.file("shard_1.sqlite");
  options.shard = base::ShardId(1);
  options.cluster_id = "ad74091c197a705a7261670ef023e13a";
  std::filesystem::copy_file(SPEX_SOURCE_DIR "/tests/data/store/shard_of_version_1.sqlite", options.path);
  std::filesystem::permissions(options.path, std::filesystem::perms::owner_write, std::filesystem::perm_options::add);
  for (int opened = 0; opened < 2; ++opened) {
    const auto store = open_store(options);
    CHECK(store->statistics().instances == 6);
    CHECK(value_of(store->check_structure(10)).empty());
    for (int i = 1; i <= 5; ++i) {
      const auto number = store->find("\xa4id-" + std::to_string(i));
      REQUIRE(number);
      CHECK(value_of(store->details(*number)).meta.empty());
      const auto history = value_of(store->history(*number, 0, 10));
      REQUIRE(history.size() == static_cast<std::size_t>(2 + (i == 1 ? opened : 0)));
      CHECK(store->name(history.back().to_state) == "created");
    }
    const NameId name = value_of(store->intern("shipped"));
    value_of(store->append(*store->find("\xa4id-1"), {name, name, kEpoch, {}, 0}, nullptr, nullptr));
    succeed(store->close());
  }
  auto database = value_of(Database::open(options.path, Database::Access::read_write));
  CHECK(value_of(database.integer("PRAGMA user_version")) == 2);
}

TEST_CASE("a migration that fails leaves the file as it was", "[store][schema]") {
  TempDirectory directory;
  StoreOptions options = small_options(directory);
  options.path = directory.file("shard_1.sqlite");
  options.shard = base::ShardId(1);
  options.cluster_id = "ad74091c197a705a7261670ef023e13a";
  std::filesystem::copy_file(SPEX_SOURCE_DIR "/tests/data/store/shard_of_version_1.sqlite", options.path);
  std::filesystem::permissions(options.path, std::filesystem::perms::owner_write, std::filesystem::perm_options::add);
  {
    auto database = value_of(Database::open(options.path, Database::Access::read_write));
    succeed(database.run("CREATE TABLE removed(in_the_way)"));
  }
  const auto refused = InstanceStore::open(options);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().reason == base::Reason::storage_schema);
  auto database = value_of(Database::open(options.path, Database::Access::read_write));
  CHECK(value_of(database.integer("PRAGMA user_version")) == 1);
  CHECK(value_of(database.integer("SELECT count(*) FROM pragma_table_info('instances') WHERE name='checksum'")) == 0);
}
