// What the store promises call by call: read back at once, and after it was opened anew.
#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "tests/common/store/store_fixture.h"

using namespace spex;
using namespace spex::store;
using namespace spex::store::testing;

namespace {

struct Opened {
  TempDirectory directory;
  StoreOptions options = small_options(directory);
  std::unique_ptr<InstanceStore> store = open_store(options);

  NameId name(const char* text) { return value_of(store->intern(text)); }
  SpecificationId specification(const char* text = "order") { return value_of(store->intern_specification(text)); }
  Record record(const char* action, const char* state, base::Timestamp at = kEpoch) {
    return {name(action), name(state), at, std::nullopt, 0};
  }
  InstanceNumber create(const std::string& identifier, const RequestKey* key = nullptr,
                        StoredOutcome* outcome = nullptr) {
    return value_of(store->create(identifier, specification(), "meta of " + identifier,
                                  record("__initialisation__", "start"), key, outcome));
  }
  std::uint32_t append(InstanceNumber number, const char* action, const char* state, base::Timestamp at = kEpoch) {
    return value_of(store->append(number, record(action, state, at), nullptr, nullptr));
  }
  // Without saying goodbye, as after a crash.
  void reopen() {
    store.reset();
    store = open_store(options);
  }
  std::string history_text(InstanceNumber number, std::uint32_t before = 0, std::size_t limit = 1000) {
    std::string text;
    for (const Record& r : value_of(store->history(number, before, limit))) {
      text += std::to_string(r.sequence) + ":" + std::string(store->name(r.action)) + ">" +
              std::string(store->name(r.to_state)) + " ";
    }
    return text;
  }
};

}  // namespace

TEST_CASE("a created instance is read back with its history", "[store]") {
  Opened o;
  const InstanceNumber number = o.create("order-1");
  REQUIRE(o.append(number, "pay", "paid", kEpoch + 5) == 2);
  for (const bool reopened : {false, true}) {
    CAPTURE(reopened);
    if (reopened) {
      succeed(o.store->commit());
      o.reopen();
    }
    REQUIRE(o.store->find("order-1") == number);
    REQUIRE_FALSE(o.store->find("order-2"));
    const Instance instance = o.store->instance(number);
    CHECK(o.store->name(instance.current_state) == "paid");
    CHECK(o.store->specification_name(instance.specification) == "order");
    CHECK(instance.transitions_total == 2);
    CHECK(instance.last_record_at == kEpoch + 5);
    CHECK(o.history_text(number) == "2:pay>paid 1:__initialisation__>start ");
    const InstanceDetails details = value_of(o.store->details(number));
    CHECK(details.identifier == "order-1");
    CHECK(details.meta == "meta of order-1");
    CHECK(details.created_at == kEpoch);
    CHECK(details.base_state == NameId());
    CHECK(o.store->instance_count(instance.specification) == 1);
  }
}

TEST_CASE("what was not committed is gone after a crash", "[store]") {
  Opened o;
  const InstanceNumber kept = o.create("kept");
  succeed(o.store->commit());
  o.create("lost");
  o.append(kept, "pay", "paid");
  o.reopen();
  CHECK(o.store->find("kept") == kept);
  CHECK_FALSE(o.store->find("lost"));
  CHECK(o.history_text(kept) == "1:__initialisation__>start ");
}

TEST_CASE("each of many names that look alike has a number of its own, before and after a crash", "[store]") {
  Opened o;
  std::vector<std::string> names = {
      "a", "aa", "aaa", "aaaa", "aaaaa", "aaaaaaaa", "aaaaaaaaa", "abcdefgh", "abcdefghabcdefgh"};
  for (int i = 0; i < 700; ++i) {
    names.push_back("state_" + std::to_string(i));
    names.push_back("CLIENT_HELLO_" + std::to_string(i) + "_DONE____");
  }
  std::map<std::string, NameId> numbers;
  std::set<std::uint32_t> different;
  for (const std::string& name : names) {
    REQUIRE_FALSE(o.store->find_name(name));
    numbers[name] = o.name(name.c_str());
    different.insert(numbers[name].value());
  }
  CHECK(different.size() == names.size());
  succeed(o.store->commit());
  for (const bool reopened : {false, true}) {
    CAPTURE(reopened);
    if (reopened) o.reopen();
    for (int twice = 0; twice < 2; ++twice) {
      for (const auto& [name, number] : numbers) {
        CHECK(o.store->find_name(name) == number);
        CHECK_FALSE(o.store->find_name(name + "!"));
      }
    }
    CHECK_FALSE(o.store->find_name(""));
  }
}

TEST_CASE("a name that was not committed has no number after a crash", "[store]") {
  Opened o;
  const NameId kept = o.name("kept");
  succeed(o.store->commit());
  o.name("lost");
  REQUIRE(o.store->find_name("lost"));
  o.reopen();
  CHECK_FALSE(o.store->find_name("lost"));
  CHECK(o.store->find_name("kept") == kept);
}

TEST_CASE("times never go back within an instance, and occurred_at is kept as it is", "[store]") {
  Opened o;
  const InstanceNumber number = o.create("order-1");
  Record earlier = o.record("pay", "paid", kEpoch - 1000);
  earlier.occurred_at = -5;
  value_of(o.store->append(number, earlier, nullptr, nullptr));
  succeed(o.store->commit());
  o.reopen();
  const auto history = value_of(o.store->history(number, 0, 1));
  CHECK(history.at(0).at == kEpoch);
  CHECK(history.at(0).occurred_at == -5);
}

TEST_CASE("a removed instance is gone, its number is used again lowest first", "[store]") {
  Opened o;
  const InstanceNumber a = o.create("a");
  const InstanceNumber b = o.create("b");
  o.create("c");
  succeed(o.store->remove(b, nullptr, nullptr));
  succeed(o.store->remove(a, nullptr, nullptr));
  succeed(o.store->commit());
  o.reopen();
  CHECK_FALSE(o.store->find("a"));
  const InstanceNumber again = o.create("d");
  CHECK(again == a);
  CHECK(o.history_text(again) == "1:__initialisation__>start ");
  CHECK(o.create("e") == b);
}

TEST_CASE("a mocked instance has a state and no history; mocking replaces", "[store]") {
  Opened o;
  const InstanceNumber number = o.create("order-1");
  o.append(number, "pay", "paid");
  const NameId shipped = o.name("shipped");
  REQUIRE(value_of(o.store->mock("order-1", o.specification(), "new meta", shipped, kEpoch + 9, nullptr, nullptr)) ==
          number);
  succeed(o.store->commit());
  for (const bool reopened : {false, true}) {
    CAPTURE(reopened);
    if (reopened) o.reopen();
    CHECK(o.store->instance(number).transitions_total == 0);
    CHECK(o.store->instance(number).current_state == shipped);
    CHECK(o.store->instance(number).last_record_at == kEpoch + 9);
    CHECK(o.history_text(number).empty());
    CHECK(value_of(o.store->details(number)).base_state == shipped);
  }
  o.append(number, "close", "closed");
  succeed(o.store->commit());
  o.reopen();
  CHECK(o.history_text(number) == "1:close>closed ");
}

TEST_CASE("a repeated request key gives the first outcome; another request with it is told apart", "[store]") {
  Opened o;
  const RequestKey key{77, 1000, 0xabcd};
  StoredOutcome outcome;
  outcome.reported = 1;
  const InstanceNumber number = o.create("order-1", &key, &outcome);
  succeed(o.store->commit());
  for (const bool reopened : {false, true}) {
    CAPTURE(reopened);
    if (reopened) o.reopen();
    const KeyLookup known = o.store->find_key(key);
    REQUIRE(known.state == KeyState::known);
    CHECK(known.outcome.instance == number);
    CHECK(known.outcome.sequence == 1);
    CHECK(known.outcome.reported == 1);
    CHECK(known.outcome.address == outcome.address);
    CHECK(o.store->instance_of(known.outcome) == number);
    CHECK(o.store->find_key({77, 1000, 0x1234}).state == KeyState::reused);
    CHECK(o.store->find_key({77, 1001, 0xabcd}).state == KeyState::unknown);
    CHECK(o.store->find_key({78, 1000, 0xabcd}).state == KeyState::unknown);
  }
  succeed(o.store->remove(number, nullptr, nullptr));
  o.create("order-2");
  CHECK_FALSE(o.store->instance_of(o.store->find_key(key).outcome));
}
