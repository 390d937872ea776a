#include "tests/common/dataops/data_fixture.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <sstream>

#include "dataops/files.h"
#include "dataops/verify.h"

namespace spex::dataops::testing {
namespace {

using store::InstanceNumber;
using store::InstanceStore;
using store::Record;
using store::RequestKey;
using store::StoredOutcome;

Record record(InstanceStore& store, const std::string& action, const std::string& state, base::Timestamp at) {
  Record made;
  made.action = value_of(store.intern(action));
  made.to_state = value_of(store.intern(state));
  made.at = at;
  if (at % 3 == 0) made.occurred_at = at - 5'000;
  return made;
}

RequestKey key_of(int number, std::uint64_t client) {
  return {client, static_cast<std::uint64_t>(kEpoch + number), static_cast<std::uint32_t>(number * 77)};
}

// Enough dead records that the oldest rows are archived.
void archive(InstanceStore& store, InstanceNumber number, std::uint32_t records, base::Timestamp at) {
  const auto specification = value_of(store.intern_specification("order"));
  const InstanceNumber dead =
      value_of(store.create("\xa4"
                            "dead",
                            specification, "", record(store, "__initialisation__", "s0", at), nullptr, nullptr));
  for (std::uint32_t i = 0; i < records; ++i) {
    value_of(store.append(number, record(store, "step", "s" + std::to_string(i % 5), at + i), nullptr, nullptr));
    value_of(store.append(dead, record(store, "step", "s1", at + i), nullptr, nullptr));
    if (i % 50 == 0) succeed(store.commit());
  }
  succeed(store.remove(dead, nullptr, nullptr));
  succeed(store.commit());
  base::Timestamp now = at + 200'000'000'000;
  for (int i = 0; i < 200; ++i) {
    now += 50'000'000'000;
    value_of(store.maintain(now));
    succeed(store.commit());
  }
}

void add_catalog(InstanceStore& store, std::uint32_t shard) {
  const auto specification = value_of(store.intern_specification("order"));
  succeed(store.save_specification(specification, "Specification: order\n"));
  store::StoredModel model;
  model.specification = specification;
  model.learning = shard % 2 == 0;
  model.source_hash = "hash";
  const auto name = [&](const char* text) { return value_of(store.intern(text)); };
  model.transitions = {
      {store::NameId(), name("__initialisation__"), name("s0"), 10 + shard, kEpoch + shard, kEpoch + 99},
      {name("s0"), name("step"), name("s1"), shard, kEpoch, kEpoch + shard}};
  succeed(store.replace_model(model));
  for (std::uint32_t i = 0; i < 5 * shard; ++i) {
    value_of(store.append_event(kEpoch + i, protocol::encode_value(protocol::Map{{"kind", "error"}, {"n", i}})));
  }
  succeed(store.save_bulk_job({{77, static_cast<std::uint64_t>(kEpoch), 5}, shard, true}, kEpoch));
}

}  // namespace

void DataFixture::fill(int count, std::uint32_t long_history) {
  std::map<std::uint32_t, std::unique_ptr<InstanceStore>> stores;
  for (std::uint32_t shard = 1; shard <= layout_.distribution_factor; ++shard) {
    stores[shard] = open(shard);
    add_catalog(*stores[shard], shard);
  }
  std::map<std::uint32_t, int> seen;
  for (int i = 0; i < count; ++i) {
    const std::string id = identifier(i);
    const std::uint32_t shard = layout_.shard_of_slot[protocol::slot_of(id)];
    InstanceStore& store = *stores[shard];
    const auto specification = value_of(store.intern_specification(i % 2 ? "order" : "claim"));
    const std::string meta = i % 7 ? protocol::encode_value(protocol::Map{{"n", i}}) : "";
    const RequestKey key = key_of(i, 1'000 + static_cast<std::uint64_t>(i) % 9);
    StoredOutcome outcome;
    InstanceNumber number;
    if (i % 5 == 0) {
      number = value_of(store.mock(id, specification, meta, value_of(store.intern("mocked")), kEpoch + i,
                                   i % 3 ? nullptr : &key, &outcome));
    } else {
      number = value_of(store.create(id, specification, meta, record(store, "__initialisation__", "s0", kEpoch + i),
                                     i % 3 ? nullptr : &key, &outcome));
    }
    for (int step = 0; step < i % 6; ++step) {
      const RequestKey step_key = key_of(10'000 + 10 * i + step, 2'000 + static_cast<std::uint64_t>(i) % 4);
      StoredOutcome answered;
      answered.reason = step == 3 ? 2 : 0;
      value_of(store.append(number, record(store, "step", "s" + std::to_string(step), kEpoch + i + step * 10),
                            step % 2 ? &step_key : nullptr, &answered));
    }
    if (seen[shard]++ == 0) archive(store, number, long_history, kEpoch + 1'000);
    if (i % 11 == 10) succeed(store.mark_timeout_reported(number));
    if (i % 13 == 12) {
      const RequestKey removal = key_of(50'000 + i, 3'000);
      StoredOutcome removed;
      succeed(store.remove(number, &removal, &removed));
    }
    if (i % 17 == 0) {
      StoredOutcome refused;
      refused.reason = static_cast<std::uint8_t>(base::Reason::instance_identifier_not_found);
      succeed(store.remember(key_of(60'000 + i, 4'000), refused, kEpoch + i));
    }
  }
  for (auto& [shard, store] : stores) {
    succeed(store->commit());
    succeed(store->close());
  }
}

std::map<std::string, std::string> contents(const std::string& path) {
  std::map<std::string, std::string> found;
  const auto layout = value_of(config::load_layout(path));
  for (std::uint32_t shard = 1; shard <= layout.distribution_factor; ++shard) {
    auto store = DataFixture::open(path, shard);
    store->scan(InstanceNumber(0), [&](const store::Instance& instance) {
      const auto details = value_of(store->details(instance.number));
      std::ostringstream text;
      text << store->specification_name(instance.specification) << "|" << details.meta << "|" << details.created_at
           << "|" << store->name(details.base_state) << "|" << store->name(instance.current_state) << "|"
           << instance.transitions_total << "|" << instance.last_record_at << "|" << instance.timeout_reported;
      for (const Record& r : value_of(store->history(instance.number, 0, 100'000))) {
        text << "\n"
             << r.sequence << store->name(r.action) << ">" << store->name(r.to_state) << "@" << r.at << "/"
             << r.occurred_at.value_or(0);
      }
      CHECK(layout.shard_of_slot[protocol::slot_of(details.identifier)] == shard);
      CHECK(found.emplace(details.identifier, text.str()).second);
      return true;
    });
    succeed(store->close());
  }
  return found;
}

void require_sound(const std::string& path) {
  const VerifyReport report = value_of(verify(path));
  for (const ShardFacts& shard : report.shards) {
    for (const std::string& sentence : shard.findings.sentences()) FAIL(shard.shard << ": " << sentence);
  }
  for (const std::string& sentence : report.findings.sentences()) FAIL(sentence);
}

bool killed_at_step(int n, const std::function<void()>& work) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    int steps = 0;
    set_step_hook([&](std::string_view) {
      if (++steps == n) ::kill(::getpid(), SIGKILL);
    });
    work();
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  if (WIFSIGNALED(status)) return true;
  REQUIRE(WEXITSTATUS(status) == 0);
  return false;
}

}  // namespace spex::dataops::testing
