// Random operations on the store and on the naive one, with reopening at random
// points (with and without a commit before): they must always agree.
#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

#include "tests/common/store/store_fixture.h"
//
#include "tests/common/store/naive_store.h"

using namespace spex;
using namespace spex::store;
using namespace spex::store::testing;

namespace {

class RandomRun {
 public:
  RandomRun(std::uint64_t seed, std::uint32_t identifiers, std::uint32_t in_memory_max = 0xffffffff)
      : random_(seed), identifiers_(identifiers) {
    options_ = small_options(directory_);
    options_.request_keys_max = 200;
    options_.full_durability = false;  // this is not about the disk
    options_.reclaim_within = 100'000;
    options_.instances_in_memory_max = in_memory_max;
    store_ = open_store(options_);
  }

  void run(int steps) {
    for (int step = 0; step < steps; ++step) {
      change();
      if (one_in(20)) commit();
      if (one_in(30)) check_one();
      if (one_in(10)) value_of(store_->maintain(now_ += 1000));
      if (one_in(200)) reopen();
    }
    commit();
    reopen();
    archived_ += store_->statistics().archived_records;
  }
  std::uint64_t archived() const { return archived_; }

 private:
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  bool one_in(std::uint64_t n) { return below(n) == 0; }
  std::string some_identifier() {
    const std::uint64_t n = below(identifiers_);
    return "id-" + std::to_string(n) + std::string(n % 50 == 0 ? 500 + n : 0, 'x');
  }
  std::string some_name(const char* kind) { return kind + std::to_string(below(30)); }
  NameId name(const std::string& text) { return value_of(store_->intern(text)); }

  Record some_record() {
    Record record{
        name(some_name("action")), name(some_name("state")), now_ - static_cast<std::int64_t>(below(2000)), {}, 0};
    if (one_in(3)) record.occurred_at = static_cast<std::int64_t>(random_());
    return record;
  }
  NaiveRecord naive(const Record& record, base::Timestamp at) {
    return {std::string(store_->name(record.action)), std::string(store_->name(record.to_state)), at,
            record.occurred_at};
  }

  // A fresh key for half of the requests. Clients come and go.
  struct Keyed {
    bool keyed = false;
    RequestKey key;
    StoredOutcome outcome;
    const RequestKey* key_or_null() const { return keyed ? &key : nullptr; }
    StoredOutcome* outcome_or_null() { return keyed ? &outcome : nullptr; }
  };
  Keyed some_key() {
    Keyed keyed;
    keyed.keyed = one_in(2);
    if (!keyed.keyed) return keyed;
    if (next_number_.empty() || one_in(40)) next_number_[random_()] = static_cast<std::uint64_t>(now_ += 1000);
    auto client = std::next(next_number_.begin(), static_cast<std::ptrdiff_t>(below(next_number_.size())));
    if (store_->find_key({client->first, client->second, 0}).state == KeyState::expired) {
      // Its floor was dropped and others' are higher: it has to take a new number, as a client would.
      client->second = static_cast<std::uint64_t>(now_ += 1000);
    }
    keyed.key = {client->first, client->second++, static_cast<std::uint32_t>(random_())};
    if (store_->find_key(keyed.key).state != KeyState::unknown) FAIL("a fresh key is known");
    keyed.outcome.reason = one_in(5) ? 11 : 0;
    keyed.outcome.reported = one_in(5) ? 1 : 0;
    keyed.outcome.model_was_missing = one_in(9);
    return keyed;
  }
  void remember_key(const Keyed& keyed, const std::string& identifier, base::Timestamp at) {
    if (!keyed.keyed) return;
    const auto found = model_.instances.find(identifier);
    model_.keys.push_back(
        {keyed.key, keyed.outcome, identifier, found == model_.instances.end() ? 0 : found->second.life, at});
  }

  void change() {
    now_ += static_cast<std::int64_t>(below(500));
    const std::string identifier = some_identifier();
    const auto number = store_->find(identifier);
    const auto known = model_.instances.find(identifier);
    if (number.has_value() != (known != model_.instances.end())) FAIL("whether there is " << identifier);
    Keyed keyed = some_key();
    const std::uint64_t choice = below(100);
    if (choice == 99) {
      forget_keys();
    } else if (choice >= 96) {
      mock(identifier, keyed);
    } else if (!number && choice < 70) {
      create(identifier, keyed);
    } else if (!number) {
      if (!keyed.keyed) return;
      succeed(store_->remember(keyed.key, keyed.outcome, now_));
      keyed.outcome.instance = InstanceNumber();
      remember_key(keyed, identifier, now_);
    } else if (choice < 75) {
      const Record record = some_record();
      const auto at = std::max(record.at, known->second.last_at);
      const auto sequence = value_of(store_->append(*number, record, keyed.key_or_null(), keyed.outcome_or_null()));
      known->second.records.push_back(naive(record, at));
      known->second.last_at = at;
      known->second.state = known->second.records.back().state;
      known->second.timeout_reported = false;
      REQUIRE(sequence == known->second.records.size());
      remember_key(keyed, identifier, at);
    } else if (choice < 90) {
      value_of(store_->maintain(now_));  // tells the time, for the key
      succeed(store_->remove(*number, keyed.key_or_null(), keyed.outcome_or_null()));
      model_.instances.erase(known);
      remember_key(keyed, identifier, now_);
    } else {
      succeed(store_->mark_timeout_reported(*number));
      known->second.timeout_reported = true;
    }
  }

  void create(const std::string& identifier, Keyed& keyed) {
    const Record record = some_record();
    const std::string specification = some_name("specification");
    const std::string meta(below(300), 'm');
    value_of(store_->create(identifier, value_of(store_->intern_specification(specification)), meta, record,
                            keyed.key_or_null(), keyed.outcome_or_null()));
    const NaiveRecord first = naive(record, record.at);
    model_.instances[identifier] = {specification, meta,  record.at, record.at,     "",
                                    first.state,   false, {first},   ++model_.lives};
    remember_key(keyed, identifier, record.at);
  }

  void mock(const std::string& identifier, Keyed& keyed) {
    const std::string specification = some_name("specification");
    const std::string state = some_name("state");
    value_of(store_->mock(identifier, value_of(store_->intern_specification(specification)), "mocked", name(state),
                          now_, keyed.key_or_null(), keyed.outcome_or_null()));
    model_.instances[identifier] = {specification, "mocked", now_, now_, state, state, false, {}, ++model_.lives};
    remember_key(keyed, identifier, now_);
  }

  void forget_keys() {
    if (model_.keys.size() < 30) return;
    const base::Timestamp before = model_.keys[model_.keys.size() - 20].at;
    store_->forget_keys_before(before);
    for (NaiveKey& key : model_.keys) {
      if (!key.forgotten && key.at >= before && store_->find_key(key.key).state == KeyState::known) break;
      key.forgotten = true;
    }
  }

  void commit() {
    succeed(store_->commit());
    committed_ = model_;
  }

  void reopen() {
    if (one_in(3)) {
      succeed(store_->close());
      committed_ = model_;
    }
    store_.reset();
    store_ = open_store(options_);
    model_ = committed_;
    check_all();
  }

  void check_instance(InstanceNumber number, const std::string& identifier, const NaiveInstance& expected) {
    NaiveInstance seen = observe(*store_, number, 1 + below(20));
    seen.life = expected.life;
    if (seen != expected || value_of(store_->details(number)).identifier != identifier) {
      FAIL("instance " << identifier << " with number " << number.value() << " has " << seen.records.size()
                       << " records, not " << expected.records.size() << ", and state " << seen.state << ", not "
                       << expected.state);
    }
  }

  void check_one() {
    if (model_.instances.empty()) return;
    const auto& [identifier, expected] =
        *std::next(model_.instances.begin(), static_cast<std::ptrdiff_t>(below(model_.instances.size())));
    check_instance(*store_->find(identifier), identifier, expected);
    if (expected.records.empty()) return;
    // A page from anywhere.
    const auto before = static_cast<std::uint32_t>(1 + below(expected.records.size() + 1));
    const auto page = value_of(store_->history(*store_->find(identifier), before, 3));
    REQUIRE(page.size() == std::min<std::size_t>(3, before - 1));
    for (const Record& record : page) {
      REQUIRE(naive(record, record.at) == expected.records[record.sequence - 1]);
    }
  }

  void check_all() {
    std::size_t scanned = 0;
    std::map<std::string, std::uint64_t> per_specification;
    store_->scan(InstanceNumber(), [&](const Instance& instance) {
      const std::string identifier = value_of(store_->details(instance.number)).identifier;
      REQUIRE(store_->find(identifier) == instance.number);
      const auto known = model_.instances.find(identifier);
      REQUIRE(known != model_.instances.end());
      check_instance(instance.number, identifier, known->second);
      ++per_specification[known->second.specification];
      ++scanned;
      return true;
    });
    REQUIRE(scanned == model_.instances.size());
    REQUIRE(store_->statistics().instances == scanned);
    for (const auto& [specification, count] : per_specification) {
      REQUIRE(store_->instance_count(*store_->find_specification(specification)) == count);
    }
    // Of those long out of the window one in some is enough.
    const std::size_t old =
        model_.keys.size() - std::min<std::size_t>(model_.keys.size(), 2 * options_.request_keys_max);
    for (std::size_t i = 0; i < model_.keys.size(); i += i < old ? 7 : 1)
      check_key(model_.keys[i], model_.keys.size() - i);
  }

  // `age`: 1 for the newest. Thousands of them: Catch's own macros would take most of the time.
  void check_key(const NaiveKey& used, std::size_t age) {
    const KeyLookup lookup = store_->find_key(used.key);
    const auto demand = [&](bool holds, const char* what) {
      if (holds) return;
      FAIL(what << ": key " << used.key.number << " of client " << used.key.client << ", age " << age << ", is "
                << static_cast<int>(lookup.state));
    };
    demand(lookup.state != KeyState::unknown, "it would be executed a second time");
    demand(lookup.state != KeyState::reused, "it is taken for another");
    demand(!used.forgotten || lookup.state == KeyState::expired, "it should be forgotten");
    demand(used.forgotten || age > options_.request_keys_max * 3 / 4 || lookup.state == KeyState::known,
           "it should be known");
    if (lookup.state != KeyState::known) return;
    demand(lookup.outcome.reason == used.outcome.reason, "reason");
    demand(lookup.outcome.reported == used.outcome.reported, "reported");
    demand(lookup.outcome.model_was_missing == used.outcome.model_was_missing, "model_was_missing");
    demand(lookup.outcome.sequence == used.outcome.sequence, "sequence");
    const auto known = model_.instances.find(used.identifier);
    const bool same_life = used.life && known != model_.instances.end() && known->second.life == used.life;
    const auto instance = store_->instance_of(lookup.outcome);
    demand(instance.has_value() == same_life, "whether its instance lives");
    demand(!same_life || instance == store_->find(used.identifier), "its instance");
  }

  std::mt19937_64 random_;
  std::uint32_t identifiers_;
  TempDirectory directory_;
  StoreOptions options_;
  std::unique_ptr<InstanceStore> store_;
  NaiveStore model_;
  NaiveStore committed_;
  std::map<std::uint64_t, std::uint64_t> next_number_;
  base::Timestamp now_ = kEpoch;
  std::uint64_t archived_ = 0;
};

std::uint64_t seed_or(std::uint64_t otherwise) {
  const char* text = std::getenv("SPEX_TEST_SEED");
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

}  // namespace

TEST_CASE("random operations agree with a naive store across reopening", "[store][property]") {
  const std::uint64_t seed = seed_or(std::random_device{}());
  std::uint64_t archived = 0;
  for (std::uint64_t round = 0; round < 4; ++round) {
    INFO("SPEX_TEST_SEED=" << seed << " round " << round);
    RandomRun run(seed + round, round % 2 ? 300 : 12, round < 2 ? 124 : 0xffffffff);  // one chunk of states, or all
    run.run(2000);
    archived += run.archived();
  }
  CHECK(archived > 0);
}
