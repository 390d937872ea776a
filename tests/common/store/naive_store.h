// The store as one would write it on a napkin: maps in memory, copied at commit.
// The judge of the randomised and the crash tests.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "store/instance_store.h"

namespace spex::store::testing {

struct NaiveRecord {
  std::string action;
  std::string state;
  base::Timestamp at = 0;
  std::optional<base::Timestamp> occurred_at;
  bool operator==(const NaiveRecord&) const = default;
};

struct NaiveInstance {
  std::string specification;
  std::string meta;
  base::Timestamp created_at = 0;
  base::Timestamp last_at = 0;
  std::string base_state;
  std::string state;
  bool timeout_reported = false;
  std::vector<NaiveRecord> records;  // oldest first
  std::uint64_t life = 0;            // which creation this is
  bool operator==(const NaiveInstance&) const = default;
};

struct NaiveKey {
  RequestKey key;
  StoredOutcome outcome;
  std::string identifier;  // of the instance it speaks of, and which life of it
  std::uint64_t life = 0;
  base::Timestamp at = 0;
  bool forgotten = false;
};

struct NaiveStore {
  std::map<std::string, NaiveInstance> instances;
  std::vector<NaiveKey> keys;  // oldest first
  std::uint64_t lives = 0;
};

// What the store holds of an instance, in the same form.
inline NaiveInstance observe(InstanceStore& store, InstanceNumber number, std::size_t page = 1'000) {
  const Instance instance = store.instance(number);
  const InstanceDetails details = value_of(store.details(number));
  NaiveInstance seen;
  seen.specification = store.specification_name(instance.specification);
  seen.meta = details.meta;
  seen.created_at = details.created_at;
  seen.last_at = instance.last_record_at;
  seen.base_state = store.name(details.base_state);
  seen.state = store.name(instance.current_state);
  seen.timeout_reported = instance.timeout_reported;
  std::uint32_t before = 0;
  while (seen.records.size() < instance.transitions_total) {
    const auto records = value_of(store.history(number, before, page));
    if (records.empty()) break;
    for (const Record& record : records) {
      seen.records.push_back({std::string(store.name(record.action)), std::string(store.name(record.to_state)),
                              record.at, record.occurred_at});
      before = record.sequence;
    }
  }
  std::reverse(seen.records.begin(), seen.records.end());
  return seen;
}

}  // namespace spex::store::testing
