// A workload in numbered batches, each always the same, and what a store holds as
// text, so that stores can be compared: histories with their sequence numbers, request
// keys, events, models, settings. For the tests that break something in between.
#pragma once

#include <map>
#include <random>
#include <string>

#include "tests/common/store/store_fixture.h"

namespace spex::store::testing {

inline std::string identifier_of(std::uint64_t n) { return "id-" + std::to_string(n); }

struct Workload {
  std::uint64_t identifiers = 12;
  std::uint64_t operations_max = 12;

  // Applies batch `i` without committing it. Stops at the first error.
  base::Result<void> apply(InstanceStore& store, std::uint64_t i) const {
    std::mt19937_64 random(i);
    SPEX_TRY_ASSIGN(const auto specification, store.intern_specification("order"));
    SPEX_TRY_ASSIGN(const NameId action, store.intern("step"));
    // Each record's state says in which batch it was made.
    SPEX_TRY_ASSIGN(const NameId state, store.intern("batch-" + std::to_string(i)));
    const auto at = kEpoch + static_cast<base::Timestamp>(i);
    const std::uint64_t operations = 1 + random() % operations_max;
    for (std::uint64_t k = 0; k < operations; ++k) {
      const std::string identifier = identifier_of(random() % identifiers);
      const RequestKey key{1 + random() % 5, i * 1'000 + k + 1, 7};
      StoredOutcome outcome;
      const auto number = store.find(identifier);
      const Record record{action, state, at, {}, 0};
      if (!number) {
        SPEX_TRY(store.create(identifier, specification, std::string(random() % 200, 'm'), record, &key, &outcome));
      } else if (random() % 12 == 0) {
        SPEX_TRY(store.remove(*number, &key, &outcome));
      } else {
        SPEX_TRY(store.append(*number, record, &key, &outcome));
      }
    }
    if (i % 3 == 0) SPEX_TRY(store.append_event(at, "event of batch " + std::to_string(i)));
    if (i % 4 == 0) SPEX_TRY(store.replace_model({specification, true, "", {{NameId(), action, state, i, at, at}}}));
    return store.put_setting("batch", std::to_string(i));
  }
};

// Everything, as text by name. Fails the test if a history has a gap.
inline std::map<std::string, std::string> content_of(InstanceStore& store) {
  std::map<std::string, std::string> result;
  store.scan(InstanceNumber(), [&](const Instance& instance) {
    const InstanceDetails details = value_of(store.details(instance.number));
    std::string& text = result[details.identifier];
    text = details.meta + " ";
    std::uint32_t expected = instance.transitions_total;
    for (const Record& r : value_of(store.history(instance.number, 0, 100'000))) {
      if (r.sequence != expected--) FAIL("a gap in the history of " + details.identifier);
      text += std::string(store.name(r.to_state)) + "@" + std::to_string(r.at) + " ";
    }
    if (expected != 0) FAIL("the history ends early of " + details.identifier);
    return true;
  });
  store.scan_keys([&](const StoredKey& key) {
    result["keys"] += std::to_string(key.key.client) + "/" + std::to_string(key.key.number) + ":" +
                      std::to_string(key.outcome.sequence) + " ";
    return true;
  });
  for (const StoredEvent& event : value_of(store.events(0, 100'000))) {
    result["events"] += std::to_string(event.number) + ":" + event.body + " ";
  }
  for (const StoredModel& model : value_of(store.models())) {
    for (const StoredTransition& t : model.transitions) result["models"] += std::string(store.name(t.to)) + " ";
  }
  if (const auto batch = value_of(store.setting("batch"))) result["batch"] = *batch;
  return result;
}

// So small that snapshots, checkpoints and archiving happen within a few batches.
inline StoreOptions busy_options(const TempDirectory& directory) {
  StoreOptions options = small_options(directory);
  options.checkpoint_pages = 12;
  options.snapshot_every = 1;
  options.reclaim_within = 6;
  options.instances_in_memory_max = 0;  // what is saved leaves memory at once
  return options;
}

}  // namespace spex::store::testing
