#include "shard_worker/model_changes.h"

#include <algorithm>
#include <chrono>

#include "base/log.h"
#include "protocol/msgpack_reader.h"
#include "protocol/msgpack_writer.h"
#include "shard_worker/change_decision.h"
#include "shard_worker/loader.h"
#include "shard_worker/shard.h"

namespace spex::shard_worker {
namespace {

using base::fail;
using base::Reason;
using base::Result;
using conformance::ImplementationModel;
using conformance::ModelText;
using protocol::MsgpackReader;
using protocol::MsgpackWriter;

constexpr std::string_view kSetting = "model_changes";
// A decision is one of these lines, and after the latter two the new model.
constexpr std::string_view kGivenUp = "given up\n";
constexpr std::string_view kMerge = "merge\n";
constexpr std::string_view kReplace = "replace\n";
constexpr auto kRetryInterval = std::chrono::seconds(1);

ChangeDecision decision_on(const Shard& shard, std::string_view specification, std::uint64_t number) {
  return ChangeDecision(shard.config.data_dir, specification, number);
}

// The new model of this shard, all its names interned.
Result<ImplementationModel> build(Shard& shard, ChangeKind kind, const ModelText& text) {
  SPEX_TRY_ASSIGN(auto model, shard.catalogue.interned(text.transitions, text.learning || shard.config.test_mode));
  const auto id = shard.store.find_specification(text.specification);
  const ActiveModel* own = id ? shard.catalogue.model(*id) : nullptr;
  if (kind == ChangeKind::replace || own == nullptr) return model;
  // Its own sightings stay its own, those of other shards stay theirs, so that no union counts them twice.
  for (const auto& [transition, seen] : own->model.transitions()) {
    if (model.contains(transition)) model.add(transition, seen);
  }
  return model;
}

Result<void> install(Shard& shard, const ModelText& text, ImplementationModel model) {
  SPEX_TRY_ASSIGN(const auto id, shard.store.intern_specification(text.specification));
  const ActiveModel* own = shard.catalogue.model(id);
  // The hash stays that of the model's file: an unchanged file changes nothing at the next start.
  SPEX_TRY(install_model(shard, id, std::move(model), own == nullptr ? std::string() : own->source_hash));
  base::log(base::LogLevel::info, "model_changed",
            {{"specification", text.specification},
             {"learning", text.learning ? "true" : "false"},
             {"transitions", std::to_string(text.transitions.size())}});
  return {};
}

// Does what was settled; false: it was given up.
Result<bool> follow(Shard& shard, std::string_view decision) {
  if (decision == kGivenUp) return false;
  const bool merges = decision.starts_with(kMerge);
  if (!merges && !decision.starts_with(kReplace)) {
    return fail(Reason::storage_corrupt, "change a model: the decision about it is damaged");
  }
  SPEX_TRY_ASSIGN(const ModelText text,
                  conformance::read_model_text(decision.substr(merges ? kMerge.size() : kReplace.size()), "decision"));
  SPEX_TRY_ASSIGN(auto model, build(shard, merges ? ChangeKind::merge : ChangeKind::replace, text));
  SPEX_TRY(install(shard, text, std::move(model)));
  return true;
}

}  // namespace

ModelChanges::Change* ModelChanges::find(std::string_view specification) {
  const auto found = std::find_if(changes_.begin(), changes_.end(),
                                  [&](const Change& change) { return change.specification == specification; });
  return found == changes_.end() ? nullptr : &*found;
}

const ModelChanges::Change* ModelChanges::find(std::string_view specification) const {
  return const_cast<ModelChanges*>(this)->find(specification);
}

std::optional<std::uint64_t> ModelChanges::held(std::string_view specification) const {
  if (changes_.empty()) return std::nullopt;
  const Change* change = find(specification);
  return change == nullptr ? std::nullopt : std::optional(change->ticket);
}

std::optional<base::MonotonicTime> ModelChanges::next() const {
  std::optional<base::MonotonicTime> first;
  for (const Change& change : changes_) first = std::min(first.value_or(change.until), change.until);
  return first;
}

// ---- The list in the file: [[specification, number, client | nil, key, fingerprint], …] ----

Result<std::vector<ModelChanges::Change>> ModelChanges::stored(Shard& shard) {
  std::vector<Change> list;
  SPEX_TRY_ASSIGN(const auto text, shard.store.setting(kSetting));
  if (!text || text->empty()) return list;
  MsgpackReader reader(*text);
  std::uint32_t size = 0;
  bool sound = reader.read_array(size);
  for (; sound && size != 0; --size) {
    Change change;
    std::uint32_t parts = 0;
    std::string_view name;
    store::RequestKey key;
    std::uint64_t fingerprint = 0;
    sound = reader.read_array(parts) && parts == 5 && reader.read_string(name) && reader.read_uint(change.number);
    const bool has_key = sound && !reader.take_nil();
    if (has_key) sound = reader.read_uint(key.client);
    sound = sound && reader.read_uint(key.number) && reader.read_uint(fingerprint);
    key.fingerprint = static_cast<std::uint32_t>(fingerprint);
    if (has_key) change.key = key;
    change.specification = std::string(name);
    list.push_back(std::move(change));
  }
  if (sound) return list;
  return fail(Reason::storage_corrupt, "read the changes of models that are under way: the list is damaged");
}

Result<void> ModelChanges::store(Shard& shard) {
  std::string text;
  MsgpackWriter writer(text);
  writer.array(static_cast<std::uint32_t>(changes_.size()));
  for (const Change& change : changes_) {
    const store::RequestKey key = change.key.value_or(store::RequestKey{});
    writer.array(5).string(change.specification).uint(change.number);
    if (change.key) {
      writer.uint(key.client);
    } else {
      writer.nil();
    }
    writer.uint(key.number).uint(key.fingerprint);
  }
  return shard.store.put_setting(kSetting, text);
}

Result<void> ModelChanges::load(Shard& shard, Now now) {
  ChangeDecision::sweep(shard.config.data_dir);
  SPEX_TRY_ASSIGN(auto list, stored(shard));
  const std::vector<Change> before = std::exchange(changes_, std::move(list));
  for (Change& change : changes_) {
    const auto same = std::find_if(before.begin(), before.end(), [&](const Change& old) {
      return old.specification == change.specification && old.number == change.number;
    });
    change.ticket = same == before.end() ? ++last_ticket_ : same->ticket;
    change.until = same == before.end() ? now.monotonic : same->until;
  }
  for (const Change& old : before) {
    if (held(old.specification) != old.ticket) shard.resume(old.ticket);
  }
  return {};
}

// ---- The rounds ----------------------------------------------------------------

Result<void> ModelChanges::prepare(Shard& shard, std::string_view specification, std::uint64_t number,
                                   const std::optional<store::RequestKey>& key, Now now) {
  if (const Change* earlier = find(specification)) {
    const Change copy = *earlier;
    SPEX_TRY(settle(shard, copy, now.wall));
  }
  changes_.push_back({std::string(specification), number, key, ++last_ticket_,
                      now.monotonic + std::chrono::microseconds(shard.config.hold_max)});
  return store(shard);
}

Result<void> ModelChanges::carry_out(Shard& shard, std::uint64_t number, ChangeKind kind, const ModelText& model) {
  const auto given_up = [] {
    return fail(Reason::shard_unavailable, "change a model: given up, because a shard did not go on in time");
  };
  const ChangeDecision decision = decision_on(shard, model.specification, number);
  const Change* change = find(model.specification);
  if (change == nullptr || change->number != number) {
    SPEX_TRY_ASSIGN(const auto settled, decision.read());
    if (settled && *settled != kGivenUp) return {};  // made up for before the round came
    return given_up();
  }
  // Everything that may fail comes before the decision.
  SPEX_TRY_ASSIGN(auto built, build(shard, kind, model));
  const std::string proposal =
      std::string(kind == ChangeKind::merge ? kMerge : kReplace) + conformance::write_model_text(model);
  SPEX_TRY_ASSIGN(const std::string settled, decision.settle(proposal));
  if (settled == kGivenUp) {
    SPEX_TRY(end(shard, model.specification));
    return given_up();
  }
  // Every shard has prepared this change, so none needs the decision about an earlier one.
  decision.forget_earlier();
  SPEX_TRY(install(shard, model, std::move(built)));
  return end(shard, model.specification);
}

Result<void> ModelChanges::give_up(Shard& shard, std::string_view specification, std::uint64_t number, Now now) {
  const Change* change = find(specification);
  if (change == nullptr || change->number != number) return {};
  const Change copy = *change;
  return settle(shard, copy, now.wall);
}

Result<void> ModelChanges::settle(Shard& shard, const Change& change, base::Timestamp now) {
  SPEX_TRY_ASSIGN(const std::string settled, decision_on(shard, change.specification, change.number).settle(kGivenUp));
  SPEX_TRY_ASSIGN(const bool made, follow(shard, settled));
  if (made && change.key) SPEX_TRY(shard.store.remember(*change.key, {}, now));
  base::log(base::LogLevel::warning, made ? "model_change_made_up_for" : "model_change_given_up",
            {{"specification", change.specification}});
  return end(shard, change.specification);
}

Result<void> ModelChanges::end(Shard& shard, std::string_view specification) {
  const std::uint64_t ticket = find(specification)->ticket;
  std::erase_if(changes_, [&](const Change& change) { return change.ticket == ticket; });
  shard.resume(ticket);
  return store(shard);
}

Result<void> ModelChanges::run_due(Shard& shard, Now now) {
  for (std::size_t i = 0; i < changes_.size();) {
    if (changes_[i].until > now.monotonic) {
      ++i;
      continue;
    }
    changes_[i].until = now.monotonic + kRetryInterval;
    const Change copy = changes_[i];
    SPEX_TRY(settle(shard, copy, now.wall));
  }
  return {};
}

}  // namespace spex::shard_worker
