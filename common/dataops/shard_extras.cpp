#include "dataops/shard_extras.h"

#include <algorithm>
#include <charconv>
#include <set>

namespace spex::dataops {
namespace {

using base::Result;
using store::InstanceStore;

// The last event number of shard N, kept by shard 1 while there is no shard N.
constexpr std::string_view kLastEventOf = "events.last.";

std::uint64_t number_in(std::string_view text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// Own first, else the lowest source's.
const std::string& text_for(const std::map<std::uint32_t, std::string>& by_source, std::uint32_t target) {
  const auto own = by_source.find(target);
  return own == by_source.end() ? by_source.begin()->second : own->second;
}

void add(MovedModel::Counted& sum, const MovedModel::Counted& part) {
  if (part.count == 0) return;
  sum.first_at = sum.count == 0 ? part.first_at : std::min(sum.first_at, part.first_at);
  sum.last_at = std::max(sum.last_at, part.last_at);
  sum.count += part.count;
}

}  // namespace

Routes::Routes(const config::ClusterLayout& from, const config::ClusterLayout& to)
    : flows_(std::size_t{from.distribution_factor} + 1,
             std::vector<bool>(std::size_t{to.distribution_factor} + 1, false)) {
  for (std::size_t slot = 0; slot < from.shard_of_slot.size(); ++slot) {
    flows_[from.shard_of_slot[slot]][to.shard_of_slot[slot]] = true;
  }
}

Result<void> ShardExtras::read(InstanceStore& from, std::uint32_t source) {
  from.scan_key_floors([&](const store::KeyFloor& floor) {
    floors_[source][floor.client] = floor.floor;
    return true;
  });
  floor_of_others_[source] = from.key_floor_of_others();
  SPEX_TRY_ASSIGN(bulk_jobs_[source], from.bulk_jobs());
  SPEX_TRY(read_models(from, source));
  return read_settings(from, source);
}

Result<void> ShardExtras::read_models(InstanceStore& from, std::uint32_t source) {
  for (std::uint32_t id = 1; id <= from.specification_count(); ++id) {
    const store::SpecificationId specification(static_cast<std::uint16_t>(id));
    SPEX_TRY_ASSIGN(std::string text, from.specification_text(specification));
    auto& texts = specifications_[std::string(from.specification_name(specification))];
    if (!text.empty() || texts.empty()) texts[source] = std::move(text);
  }
  SPEX_TRY_ASSIGN(const auto models, from.models());
  for (const store::StoredModel& model : models) {
    MovedModel& moved = models_[std::string(from.specification_name(model.specification))];
    moved.learning = moved.learning || model.learning;
    moved.source_hashes[source] = model.source_hash;
    for (const store::StoredTransition& transition : model.transitions) {
      const MovedModel::Triple triple{std::string(from.name(transition.from)),
                                      std::string(from.name(transition.action)), std::string(from.name(transition.to))};
      moved.transitions[triple][source] = {transition.count, transition.first_at, transition.last_at};
    }
  }
  return {};
}

Result<void> ShardExtras::read_settings(InstanceStore& from, std::uint32_t source) {
  SPEX_TRY_ASSIGN(const auto settings, from.settings());
  for (const auto& [key, value] : settings) {
    if (!key.starts_with(kLastEventOf)) {
      settings_[source].emplace_back(key, value);
      continue;
    }
    const auto shard = static_cast<std::uint32_t>(number_in(std::string_view(key).substr(kLastEventOf.size())));
    std::uint64_t& last = last_event_of_former_[shard];
    last = std::max(last, number_in(value));
  }
  return {};
}

std::uint64_t ShardExtras::events_before(std::uint32_t shard) const {
  const auto found = last_event_of_former_.find(shard);
  return found == last_event_of_former_.end() ? 0 : found->second;
}

Result<void> ShardExtras::write(const Routes& routes, InstanceStore& to, std::uint32_t target,
                                base::Timestamp now) const {
  for (const auto& [name, texts] : specifications_) {
    SPEX_TRY_ASSIGN(const auto id, to.intern_specification(name));
    SPEX_TRY(to.save_specification(id, text_for(texts, target)));
  }
  SPEX_TRY(write_models(routes, to, target));
  SPEX_TRY(write_keys(routes, to, target, now));
  SPEX_TRY(write_bulk_jobs(routes, to, target));
  return write_settings(routes, to, target);
}

Result<void> ShardExtras::write_models(const Routes& routes, InstanceStore& to, std::uint32_t target) const {
  for (const auto& [name, moved] : models_) {
    store::StoredModel model;
    SPEX_TRY_ASSIGN(model.specification, to.intern_specification(name));
    model.learning = moved.learning;
    model.source_hash = text_for(moved.source_hashes, target);
    for (const auto& [triple, by_source] : moved.transitions) {
      MovedModel::Counted sum;
      for (const auto& [source, counted] : by_source) {
        if (routes.heir_of(source) == target) add(sum, counted);
      }
      store::StoredTransition transition{{}, {}, {}, sum.count, sum.first_at, sum.last_at};
      if (!triple[0].empty()) {
        SPEX_TRY_ASSIGN(transition.from, to.intern(triple[0]));
      }
      SPEX_TRY_ASSIGN(transition.action, to.intern(triple[1]));
      SPEX_TRY_ASSIGN(transition.to, to.intern(triple[2]));
      model.transitions.push_back(transition);
    }
    SPEX_TRY(to.replace_model(model));
  }
  return {};
}

std::vector<const MovedKey*> ShardExtras::keys_of(const Routes& routes, std::uint32_t target) const {
  std::vector<const MovedKey*> keys;
  std::set<std::pair<std::uint64_t, std::uint64_t>> seen;
  for (const MovedKey& key : keys_) {
    if (key.target == 0 ? !routes.flows(key.source, target) : key.target != target) continue;
    if (seen.emplace(key.key.key.client, key.key.key.number).second) keys.push_back(&key);
  }
  // The window forgets by time, oldest first.
  std::stable_sort(keys.begin(), keys.end(),
                   [](const MovedKey* a, const MovedKey* b) { return a->key.at < b->key.at; });
  return keys;
}

ShardExtras::Floors ShardExtras::floors_of(const Routes& routes, std::uint32_t target, std::uint64_t& of_others) const {
  Floors floors;
  of_others = 0;
  for (const auto& [source, theirs] : floors_) {
    if (!routes.flows(source, target)) continue;
    for (const auto& [client, floor] : theirs) floors.emplace(client, 0);
  }
  for (const auto& [source, floor] : floor_of_others_) {
    if (!routes.flows(source, target)) continue;
    of_others = std::max(of_others, floor);
    const auto theirs = floors_.find(source);
    for (auto& [client, highest] : floors) {
      const bool known = theirs != floors_.end() && theirs->second.contains(client);
      highest = std::max(highest, known ? theirs->second.at(client) : floor);
    }
  }
  return floors;
}

Result<void> ShardExtras::write_keys(const Routes& routes, InstanceStore& to, std::uint32_t target,
                                     base::Timestamp now) const {
  std::uint64_t of_others = 0;
  for (const auto& [client, floor] : floors_of(routes, target, of_others)) {
    SPEX_TRY(to.raise_key_floor({client, floor}, now));
  }
  SPEX_TRY(to.raise_key_floor_of_others(of_others));
  for (const MovedKey* key : keys_of(routes, target)) {
    SPEX_TRY(to.remember(key->key.key, key->key.outcome, key->key.at));
  }
  return to.commit();
}

std::vector<std::string> ShardExtras::missing_keys(const Routes& routes, const InstanceStore& in,
                                                   std::uint32_t target) const {
  std::vector<std::string> missing;
  for (const MovedKey* moved : keys_of(routes, target)) {
    const store::RequestKey& key = moved->key.key;
    const store::StoredOutcome& wanted = moved->key.outcome;
    const store::KeyLookup found = in.find_key(key);
    const bool same = found.state == store::KeyState::known && found.outcome.reason == wanted.reason &&
                      found.outcome.reported == wanted.reported && found.outcome.sequence == wanted.sequence &&
                      found.outcome.model_was_missing == wanted.model_was_missing &&
                      found.outcome.instance == wanted.instance;
    if (!same) {
      missing.push_back("request key " + std::to_string(key.number) + " of client " + std::to_string(key.client) +
                        " is not in the new shard " + std::to_string(target));
    }
  }
  std::uint64_t of_others = 0;
  for (const auto& [client, floor] : floors_of(routes, target, of_others)) {
    if (in.find_key({client, floor, 0}).state == store::KeyState::unknown) {
      missing.push_back("the floor of client " + std::to_string(client) + " is not in the new shard " +
                        std::to_string(target));
    }
  }
  return missing;
}

// A shard that takes over slots where the job was not done goes on with it. What was deleted is counted once.
Result<void> ShardExtras::write_bulk_jobs(const Routes& routes, InstanceStore& to, std::uint32_t target) const {
  struct Merged {
    store::StoredBulkJob job;
    std::size_t sources = 0;
  };
  std::map<std::pair<std::uint64_t, std::uint64_t>, Merged> merged;
  std::size_t sources = 0;
  for (const auto& [source, jobs] : bulk_jobs_) {
    if (!routes.flows(source, target) && routes.heir_of(source) != target) continue;
    const bool flows = routes.flows(source, target);
    sources += flows ? 1 : 0;
    for (const store::StoredBulkJob& stored : jobs) {
      auto [entry, added] = merged.try_emplace({stored.job.key.client, stored.job.key.number}, Merged{stored, 0});
      store::StoredBulkJob& job = entry->second.job;
      if (added) job.job.deleted = 0;
      if (routes.heir_of(source) == target) job.job.deleted += stored.job.deleted;
      job.job.done = job.job.done && stored.job.done;
      job.at = std::max(job.at, stored.at);
      entry->second.sources += flows ? 1 : 0;
    }
  }
  for (auto& [key, entry] : merged) {
    entry.job.job.done = entry.job.job.done && entry.sources == sources;
    SPEX_TRY(to.save_bulk_job(entry.job.job, entry.job.at));
  }
  return {};
}

Result<void> ShardExtras::write_settings(const Routes& routes, InstanceStore& to, std::uint32_t target) const {
  if (const auto own = settings_.find(target); own != settings_.end()) {
    for (const auto& [key, value] : own->second) SPEX_TRY(to.put_setting(key, value));
  }
  if (target != 1) return {};
  std::map<std::uint32_t, std::uint64_t> dissolved = last_event_of_former_;
  for (const auto& [source, number] : last_event_of_) dissolved[source] = std::max(dissolved[source], number);
  for (const auto& [shard, number] : dissolved) {
    if (shard <= routes.targets() || number == 0) continue;
    SPEX_TRY(to.put_setting(std::string(kLastEventOf) + std::to_string(shard), std::to_string(number)));
  }
  return {};
}

}  // namespace spex::dataops
