#include "dataops/rebuild.h"

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "dataops/salvaged_past.h"
#include "protocol/codec.h"
#include "protocol/identifier.h"

namespace spex::dataops {
namespace {

using base::Result;
using store::InstanceStore;

class Rebuild {
 public:
  Rebuild(const SalvagedShard& shard, InstanceStore& to, base::Timestamp now) : shard_(shard), to_(to), now_(now) {}

  Result<RebuildReport> run() {
    SPEX_TRY(write_names());
    SPEX_TRY(write_instances());
    SPEX_TRY(write_models());
    SPEX_TRY(write_keys());
    SPEX_TRY(write_events());
    SPEX_TRY(write_rest());
    SPEX_TRY(to_.commit());
    return report_;
  }

 private:
  Result<void> write_names() {
    for (const auto& [id, row] : shard_.table("specifications")) {
      SPEX_TRY_ASSIGN(const auto specification, to_.intern_specification(text(row, 1)));
      specifications_[static_cast<std::uint32_t>(id)] = specification;
      SPEX_TRY(to_.save_specification(specification, text(row, 2)));
    }
    for (const auto& [id, row] : shard_.table("names")) {
      SPEX_TRY_ASSIGN(names_[static_cast<std::uint32_t>(id)], to_.intern(text(row, 1)));
    }
    return {};
  }

  std::optional<store::NameId> name(std::uint32_t id) const {
    const auto found = names_.find(id);
    return found == names_.end() ? std::nullopt : std::optional(found->second);
  }

  Result<void> write_instances() {
    for (const auto& [n, row] : shard_.table("instances")) {
      const auto number = static_cast<std::uint32_t>(n);
      std::vector<store::ArchivedRecord> records;
      std::string why = past_.history(number, records);
      if (why.empty()) why = check_names(row, records);
      if (why.empty()) {
        SPEX_TRY(write_instance(number, row, records));
        continue;
      }
      const auto identifier = protocol::decode_value(text(row, 1));
      report_.lost.push_back({identifier ? *identifier : protocol::Value(), number, why});
    }
    for (const std::uint32_t number : past_.living()) {
      if (shard_.table("instances").contains(number)) continue;
      report_.lost.push_back({protocol::Value(), number, "its row, with the identifier, is lost"});
    }
    return {};
  }

  std::string check_names(const Row& row, const std::vector<store::ArchivedRecord>& records) const {
    if (!specifications_.contains(static_cast<std::uint32_t>(integer(row, 2))))
      return "the name of its specification is lost";
    const auto base_state = static_cast<std::uint32_t>(integer(row, 4));
    bool known = base_state == 0 || name(base_state);
    for (const store::ArchivedRecord& record : records) known = known && name(record.action) && name(record.state);
    if (!known) return "the name of a state or an action is lost";
    if (base_state == 0 && records.empty()) return "its records are lost";
    const std::string meta = text(row, 5);
    return meta.empty() || protocol::check_meta(meta) ? "" : "its meta is damaged";
  }

  Result<void> write_instance(std::uint32_t number, const Row& row, const std::vector<store::ArchivedRecord>& records) {
    const auto specification = specifications_.at(static_cast<std::uint32_t>(integer(row, 2)));
    const auto base_state = static_cast<std::uint32_t>(integer(row, 4));
    const auto record_of = [&](const store::ArchivedRecord& r) {
      return store::Record{*name(r.action), *name(r.state), r.at, r.occurred_at, 0};
    };
    store::InstanceNumber made;
    std::size_t next = 0;
    if (base_state == 0) {
      SPEX_TRY_ASSIGN(made,
                      to_.create(text(row, 1), specification, text(row, 5), record_of(records[0]), nullptr, nullptr));
      next = 1;
    } else {
      SPEX_TRY_ASSIGN(made, to_.mock(text(row, 1), specification, text(row, 5), *name(base_state), integer(row, 3),
                                     nullptr, nullptr));
    }
    for (; next < records.size(); ++next) SPEX_TRY(to_.append(made, record_of(records[next]), nullptr, nullptr));
    if (past_.timeout_reported(number)) SPEX_TRY(to_.mark_timeout_reported(made));
    made_[number] = made;
    ++report_.instances;
    report_.records += records.size();
    return report_.instances % 4'096 == 0 ? to_.commit() : Result<void>();
  }

  Result<void> write_models() {
    for (const auto& [id, row] : shard_.table("models")) {
      const auto specification = specifications_.find(static_cast<std::uint32_t>(id));
      if (specification == specifications_.end()) continue;
      store::StoredModel model{specification->second, integer(row, 1) != 0, text(row, 2), {}};
      for (const Row& transition : shard_.index_table("model_transitions")) {
        const auto from = static_cast<std::uint32_t>(integer(transition, 1));
        const auto action = name(static_cast<std::uint32_t>(integer(transition, 2)));
        const auto target = name(static_cast<std::uint32_t>(integer(transition, 3)));
        if (integer(transition, 0) != id || !action || !target || (from && !name(from))) continue;
        model.transitions.push_back({from ? *name(from) : store::NameId(), *action, *target,
                                     static_cast<std::uint64_t>(integer(transition, 4)), integer(transition, 5),
                                     integer(transition, 6)});
      }
      SPEX_TRY(to_.replace_model(model));
      ++report_.models;
    }
    return {};
  }

  Result<void> write_keys() {
    for (std::uint64_t position = past_.key_tail(); !past_.keys().empty() && position < past_.keys().rbegin()->first;
         ++position) {
      report_.keys_may_be_missing = report_.keys_may_be_missing || !past_.keys().contains(position);
    }
    for (const char* table : {"log", "snapshot"}) {
      report_.keys_may_be_missing = report_.keys_may_be_missing || shard_.damaged_pages.contains(table);
    }
    const auto time = static_cast<std::uint64_t>(now_);
    std::unordered_map<std::uint32_t, std::uint64_t> highest;
    for (const auto& [position, entry] : past_.keys()) {
      highest[entry.client_slot] = std::max(highest[entry.client_slot], entry.number);
    }
    for (const auto& [slot, client] : past_.clients()) {
      if (client.client == 0) continue;
      // Numbers begin at the clock and grow slower than it: none that was used is above the time.
      const std::uint64_t floor =
          report_.keys_may_be_missing ? std::max({client.floor, highest[slot], time}) : client.floor;
      SPEX_TRY(to_.raise_key_floor({client.client, floor}, now_));
    }
    SPEX_TRY(to_.raise_key_floor_of_others(report_.keys_may_be_missing ? std::max(past_.floor_of_all(), time)
                                                                       : past_.floor_of_all()));
    for (const auto& [position, entry] : past_.keys()) {
      const auto client = past_.clients().find(entry.client_slot);
      if (position < past_.key_tail() || client == past_.clients().end()) continue;
      store::StoredOutcome outcome{entry.reason, entry.reported, entry.model_was_missing != 0, {}, entry.sequence, 0};
      if (made_.contains(entry.instance) && past_.is_of_present_owner(entry))
        outcome.instance = made_.at(entry.instance);
      SPEX_TRY(to_.remember({client->second.client, entry.number, entry.fingerprint}, outcome, entry.at));
      ++report_.keys;
    }
    if (report_.keys_may_be_missing) {
      report_.sentences.push_back(
          "request keys may be lost: requests from before are refused as expired, not executed again");
    }
    return {};
  }

  // Consumers count on numbers without a gap: the newest run of them is kept.
  Result<void> write_events() {
    const auto& events = shard_.table("events");
    auto first = events.end();
    while (first != events.begin()) {
      const auto before = std::prev(first);
      if (first != events.end() && before->first + 1 != first->first) break;
      first = before;
    }
    if (first != events.begin()) {
      report_.sentences.push_back("events up to " + std::to_string(std::prev(first)->first) +
                                  " are not kept: there is a gap after them");
    }
    for (; first != events.end(); ++first) {
      SPEX_TRY(to_.import_event(
          {static_cast<std::uint64_t>(first->first), integer(first->second, 1), text(first->second, 4)}));
      ++report_.events;
    }
    return {};
  }

  Result<void> write_rest() {
    for (const Row& row : shard_.index_table("settings")) SPEX_TRY(to_.put_setting(text(row, 0), text(row, 1)));
    for (const Row& row : shard_.index_table("bulk_jobs")) {
      const store::RequestKey key{static_cast<std::uint64_t>(integer(row, 0)),
                                  static_cast<std::uint64_t>(integer(row, 1)),
                                  static_cast<std::uint32_t>(integer(row, 2))};
      SPEX_TRY(
          to_.save_bulk_job({key, static_cast<std::uint64_t>(integer(row, 3)), integer(row, 4) != 0}, integer(row, 5)));
    }
    return {};
  }

  const SalvagedShard& shard_;
  InstanceStore& to_;
  base::Timestamp now_;
  RebuildReport report_;
  SalvagedPast past_{shard_, report_};
  std::unordered_map<std::uint32_t, store::SpecificationId> specifications_;
  std::unordered_map<std::uint32_t, store::NameId> names_;
  std::unordered_map<std::uint32_t, store::InstanceNumber> made_;
};

}  // namespace

Result<RebuildReport> rebuild(const SalvagedShard& shard, InstanceStore& to, base::Timestamp now) {
  return Rebuild(shard, to, now).run();
}

}  // namespace spex::dataops
