// Moving data to another number of shards: everything arrives, and a kill at any
// step leaves a directory that is whole, or is whole when the command is repeated.
#include "dataops/reshard.h"

#include <filesystem>

#include "dataops/files.h"
#include "dataops/verify.h"
#include "store/sqlite.h"
#include "tests/common/dataops/data_fixture.h"

namespace spex::dataops {
namespace {

using testing::contents;
using testing::DataFixture;
using testing::kEpoch;
using testing::killed_at_step;
using testing::require_sound;
using testing::succeed;
using testing::value_of;

ReshardOrder order_for(const std::string& path, std::uint32_t shards, bool keep_old = false) {
  return {path, shards, keep_old, kEpoch + 1'000'000, {}};
}

std::map<std::string, std::uint64_t> model_counts(const std::string& path) {
  std::map<std::string, std::uint64_t> counts;
  const auto layout = value_of(config::load_layout(path));
  for (std::uint32_t shard = 1; shard <= layout.distribution_factor; ++shard) {
    auto store = DataFixture::open(path, shard);
    for (const store::StoredModel& model : value_of(store->models())) {
      CHECK(model.transitions.size() == 2);
      for (const store::StoredTransition& transition : model.transitions) {
        counts[std::string(store->name(transition.from)) + ">" + std::string(store->name(transition.to))] +=
            transition.count;
      }
    }
    succeed(store->close());
  }
  return counts;
}

TEST_CASE("instances, histories, models and their counts arrive in any number of shards", "[dataops]") {
  DataFixture data(4);
  data.fill(300);
  const auto before = contents(data.path());
  const auto counts = model_counts(data.path());
  for (const std::uint32_t shards : {6U, 3U, 4U}) {
    const ReshardReport report = value_of(reshard(order_for(data.path(), shards)));
    CHECK(report.changed);
    CHECK(report.moved.instances == before.size());
    CHECK(data.layout().distribution_factor == shards);
    require_sound(data.path());
    CHECK(contents(data.path()) == before);
    CHECK(model_counts(data.path()) == counts);
  }
  const auto names = value_of(list(data.path()));
  for (const std::string& name : names) CHECK_FALSE(name.starts_with("reshard"));
}

TEST_CASE("request keys are answered as before, floors hold, by the shard that has the slot now", "[dataops]") {
  DataFixture data(3);
  data.fill(200);
  struct Asked {
    store::RequestKey key;
    store::KeyLookup answer;
    std::optional<std::string> identifier;
  };
  std::vector<Asked> asked;
  for (std::uint32_t shard = 1; shard <= 3; ++shard) {
    auto store = data.open(shard);
    if (shard == 2) {
      store->forget_keys_before(kEpoch + 40);
      succeed(store->commit());
    }
    store->scan_keys([&](const store::StoredKey& key) {
      asked.push_back({key.key, store->find_key(key.key), std::nullopt});
      if (const auto number = store->instance_of(key.outcome)) {
        asked.back().identifier = value_of(store->details(*number)).identifier;
      }
      return true;
    });
    succeed(store->close());
  }
  REQUIRE(asked.size() > 100);
  value_of(reshard(order_for(data.path(), 5)));
  std::map<std::uint32_t, std::unique_ptr<store::InstanceStore>> stores;
  for (std::uint32_t shard = 1; shard <= 5; ++shard) stores[shard] = data.open(shard);
  const auto layout = data.layout();
  for (const Asked& one : asked) {
    std::size_t known = 0;
    for (auto& [shard, store] : stores) {
      const bool here = one.identifier && layout.shard_of_slot[protocol::slot_of(*one.identifier)] == shard;
      const store::KeyLookup found = store->find_key(one.key);
      if (found.state != store::KeyState::known) {
        CHECK_FALSE(here);
        continue;
      }
      ++known;
      CHECK(found.outcome.reason == one.answer.outcome.reason);
      CHECK(found.outcome.sequence == one.answer.outcome.sequence);
      if (here) CHECK(store->instance_of(found.outcome) == store->find(*one.identifier));
    }
    CHECK(known >= 1);
  }
  // What shard 2 had forgotten is refused wherever its slots are now.
  const store::RequestKey forgotten{1'003, static_cast<std::uint64_t>(kEpoch) + 1, 1};
  for (auto& [shard, store] : stores) CHECK(store->find_key(forgotten).state != store::KeyState::known);
}

TEST_CASE("a floor that forgot a request of a moved slot forbids it in the new shard", "[dataops]") {
  DataFixture data(1);
  const store::RequestKey key{42, static_cast<std::uint64_t>(kEpoch), 9};
  {
    auto store = data.open(1);
    const auto specification = value_of(store->intern_specification("order"));
    store::StoredOutcome outcome;
    value_of(
        store->mock(testing::identifier(1), specification, "", value_of(store->intern("s")), kEpoch, &key, &outcome));
    succeed(store->commit());
    store->forget_keys_before(kEpoch + 1);
    succeed(store->commit());
    REQUIRE(store->find_key(key).state == store::KeyState::expired);
    succeed(store->close());
  }
  value_of(reshard(order_for(data.path(), 4)));
  for (std::uint32_t shard = 1; shard <= 4; ++shard) {
    CHECK(data.open(shard)->find_key(key).state == store::KeyState::expired);
  }
}

std::vector<store::StoredEvent> events_of(const DataFixture& data, std::uint32_t shard) {
  auto store = data.open(shard);
  auto events = value_of(store->events(0, 1'000));
  succeed(store->close());
  return events;
}

TEST_CASE("events keep shard and number; those of a dissolved shard follow with their origin; numbers never return",
          "[dataops]") {
  DataFixture data(4);
  data.fill(10);  // shard n has 5 n events
  value_of(reshard(order_for(data.path(), 2)));
  const auto first = events_of(data, 1);
  REQUIRE(first.size() == 5 + 15 + 1);  // its own, shard 3's, resharded
  CHECK(first.back().number == 21);
  const auto moved = value_of(protocol::decode_value(first[5].body));
  REQUIRE(moved.find("moved_from") != nullptr);
  CHECK(*moved.find("moved_from") == protocol::Value(protocol::Array{3, 1}));
  CHECK(value_of(protocol::decode_value(first[4].body)).find("moved_from") == nullptr);
  CHECK(*value_of(protocol::decode_value(first.back().body)).find("kind") == protocol::Value("resharded"));
  CHECK(events_of(data, 2).size() == 10 + 20 + 1);
  value_of(reshard(order_for(data.path(), 5)));
  CHECK(events_of(data, 3).front().number == 16);  // shard 3 ended with 15
  CHECK(events_of(data, 4).front().number == 21);
  CHECK(events_of(data, 5).front().number == 1);
  value_of(reshard(order_for(data.path(), 1)));
  const auto second = events_of(data, 1);
  const auto with_two_origins = std::count_if(second.begin(), second.end(), [](const store::StoredEvent& event) {
    const auto body = value_of(protocol::decode_value(event.body));
    const auto* origins = body.find("moved_from");
    return origins != nullptr && *origins->array() == protocol::Array{4, 1, 2, 11};  // 4 -> 2, behind its ten
  });
  CHECK(with_two_origins == 1);
  require_sound(data.path());
}

TEST_CASE("a bulk deletion that was done stays done, and is counted once", "[dataops]") {
  DataFixture data(3);  // shard n deleted n
  data.fill(10);
  for (const std::uint32_t shards : {5U, 2U}) {
    value_of(reshard(order_for(data.path(), shards)));
    std::uint64_t deleted = 0;
    for (std::uint32_t shard = 1; shard <= shards; ++shard) {
      const auto job = value_of(data.open(shard)->bulk_job({77, static_cast<std::uint64_t>(kEpoch), 5}));
      REQUIRE(job);
      CHECK(job->done);
      deleted += job->deleted;
    }
    CHECK(deleted == 6);
  }
}

TEST_CASE("killed at any step the directory is the old one, or repeating the command makes it the new one",
          "[dataops]") {
  DataFixture data(2);
  data.fill(12, 40);
  const auto before = contents(data.path());
  const std::string work = data.file("work");
  int killed = 0, untouched = 0, half = 0;
  for (int n = 1; n < 1'000; ++n) {
    INFO("step " << n);
    const bool keep_old = n % 2 == 0;
    std::filesystem::remove_all(work);
    std::filesystem::copy(data.path(), work);
    if (!killed_at_step(n, [&] { value_of(reshard(order_for(work, 1, keep_old))); })) break;
    ++killed;
    if (exists(DataDirectory::journal_file(work))) {
      ++half;
      const auto refused = DataDirectory::open(work);
      REQUIRE_FALSE(refused.ok());
      CHECK(refused.error().message.find("spexctl reshard --data-dir " + work) != std::string::npos);
    } else if (value_of(config::load_layout(work)).distribution_factor == 2) {
      ++untouched;
      require_sound(work);
    }
    auto again = order_for(work, 1, keep_old);
    if (exists(DataDirectory::journal_file(work)) && n % 3 == 0) again.distribution_factor.reset();
    value_of(reshard(again));
    REQUIRE(value_of(config::load_layout(work)).distribution_factor == 1);
    require_sound(work);
    REQUIRE(contents(work) == before);
    const auto names = value_of(list(work));
    const auto kept = std::count_if(names.begin(), names.end(),
                                    [](const std::string& name) { return name.starts_with("old-2-shards-"); });
    CHECK(kept == (keep_old ? 1 : 0));
    CHECK(
        std::none_of(names.begin(), names.end(), [](const std::string& name) { return name.starts_with("reshard"); }));
  }
  INFO(killed << " kills, " << untouched << " before, " << half << " between");
  CHECK(untouched > 5);
  CHECK(half > 8);
}

TEST_CASE("what is kept of the old layout is a data directory", "[dataops]") {
  DataFixture data(2);
  data.fill(30);
  const auto before = contents(data.path());
  const ReshardReport report = value_of(reshard(order_for(data.path(), 1, true)));
  REQUIRE_FALSE(report.kept_as.empty());
  CHECK(value_of(config::load_layout(report.kept_as)).distribution_factor == 2);
  CHECK(contents(report.kept_as) == before);
}

TEST_CASE("unsound data are not moved, and nothing is changed", "[dataops]") {
  DataFixture data(2);
  data.fill(30);
  {
    auto database =
        value_of(store::Database::open(DataDirectory::shard_file(data.path(), 2), store::Database::Access::read_write));
    succeed(database.run("PRAGMA locking_mode=EXCLUSIVE"));
    succeed(database.run("UPDATE instances SET meta=x'01' WHERE number=2"));
  }
  const auto refused = reshard(order_for(data.path(), 3));
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().message.find("damaged is the meta") != std::string::npos);
  CHECK(data.layout().distribution_factor == 2);
  CHECK_FALSE(exists(DataDirectory::journal_file(data.path())));
}

}  // namespace
}  // namespace spex::dataops
