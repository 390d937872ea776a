#include "dataops/rebuild.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <set>
#include <unordered_map>

#include "protocol/codec.h"
#include "protocol/identifier.h"
#include "store/archive_record.h"
#include "store/memory.h"
#include "store/record.h"

namespace spex::dataops {
namespace {

using base::Result;
using store::Address;
using store::as_bytes;
using store::ChunkKind;
using store::InstanceStore;
using store::LogRecord;
using store::RecordKind;

std::int64_t integer(const Row& row, std::size_t column) {
  const auto* value = column < row.columns.size() ? std::get_if<std::int64_t>(&row.columns[column]) : nullptr;
  return value == nullptr ? 0 : *value;
}
std::string text(const Row& row, std::size_t column) {
  const auto* value = column < row.columns.size() ? std::get_if<std::string>(&row.columns[column]) : nullptr;
  return value == nullptr ? "" : *value;
}

// What the sound log rows say of an instance number.
struct Story {
  Address born = 0;
  Address head = 0;
  Address first = 0;       // where its first record in the log says that the one before it lies
  bool made_here = false;  // its creation is in the log
  bool broken = false;
  bool timeout_reported = false;
  std::vector<std::pair<Address, store::ArchivedRecord>> records;  // oldest first
};

class Rebuild {
 public:
  Rebuild(const SalvagedShard& shard, InstanceStore& to, base::Timestamp now) : shard_(shard), to_(to), now_(now) {}

  Result<RebuildReport> run() {
    read_snapshots();
    read_log();
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
  const SalvagedShard::Rows& table(const std::string& name) const {
    static const SalvagedShard::Rows kNone;
    const auto found = shard_.tables.find(name);
    return found == shard_.tables.end() ? kNone : found->second;
  }
  const std::vector<Row>& index_table(const std::string& name) const {
    static const std::vector<Row> kNone;
    const auto found = shard_.index_tables.find(name);
    return found == shard_.index_tables.end() ? kNone : found->second;
  }

  template <typename Element, typename Each>
  static void for_each(const std::string& body, const Each& each) {
    for (std::size_t at = 4, i = 0; at + sizeof(Element) <= body.size(); at += sizeof(Element), ++i) {
      Element element;
      std::memcpy(static_cast<void*>(&element), &body[at], sizeof element);
      each(i, element);
    }
  }

  void read_snapshots() {
    for (const auto& [chunk_row, row] : table("snapshot")) {
      const store::ChunkId chunk = store::ChunkId::of_row(chunk_row);
      const std::string body = text(row, 2);
      const auto saved = static_cast<std::uint64_t>(integer(row, 1));
      if (chunk.kind == ChunkKind::states) {
        for_each<store::State>(body, [&](std::size_t i, const store::State& state) {
          states_[static_cast<std::uint32_t>(chunk.index * store::StateTable::kPerChunk + i)] = {saved, state};
        });
      } else if (chunk.kind == ChunkKind::keys) {
        for_each<store::KeyEntry>(body, [&](std::size_t i, const store::KeyEntry& entry) {
          if (entry.address) keys_[chunk.index * store::KeyTable::kKeysPerChunk + i] = entry;
        });
      } else {
        for_each<store::KeyClient>(body, [&](std::size_t i, const store::KeyClient& client) {
          clients_[static_cast<std::uint32_t>(chunk.index * store::KeyTable::kClientsPerChunk + i)] = client;
        });
      }
    }
  }

  void read_log() {
    const auto& tail = table("tail");
    first_row_ = tail.empty() ? 0 : static_cast<std::uint64_t>(integer(tail.begin()->second, 1));
    segment_end_ = tail.empty() ? 0 : static_cast<std::uint64_t>(integer(tail.begin()->second, 2));
    cursor_ = tail.empty() ? 0 : static_cast<std::uint32_t>(integer(tail.begin()->second, 3));
    for (const auto& [damaged, pages] : shard_.damaged_pages) {
      report_.sentences.push_back("damaged in the table " + damaged + ": " + std::to_string(pages) + " pages");
    }
    if (!shard_.cut_log.empty()) {
      report_.sentences.push_back("what was committed behind the damage is lost: " + shard_.cut_log);
      report_.keys_may_be_missing = true;
    }
    if (shard_.damaged_pages.contains("log")) {
      report_.sentences.push_back(
          "instances that were changed last in what is lost of the log are older than acknowledged");
    }
    std::uint64_t expected = 0;
    for (const auto& [n, row] : table("log")) {
      const auto number = static_cast<std::uint64_t>(n);
      if (expected && number != expected) lose_rows(expected, number - 1);
      expected = number + 1;
      const std::string body = text(row, 1);
      store::RowReader reader(number, as_bytes(body));
      if (!reader.is_sound()) {
        lose_rows(number, number);
        if (!reader.has_header()) continue;
      }
      read_row(reader);
    }
    if (expected == 0 && !table("instances").empty()) report_.sentences.push_back("nothing of the log is left");
  }

  void lose_rows(std::uint64_t from, std::uint64_t to) {
    report_.sentences.push_back("log rows " + std::to_string(from) + " to " + std::to_string(to) + " are lost");
    report_.keys_may_be_missing = true;
  }

  void read_row(store::RowReader& reader) {
    const store::RowHeader header = reader.header();
    key_tail_ = std::max(key_tail_, header.key_tail);
    floor_of_all_ = std::max(floor_of_all_, header.floor_of_all);
    std::uint64_t position = header.key_position;
    while (!reader.at_end()) {
      const Address address = reader.position();
      const auto record = reader.next();
      if (!record) return;
      if (record->keyed) keys_[position++] = entry_of(*record, address);
      take(*record, address);
    }
  }

  static store::KeyEntry entry_of(const LogRecord& record, Address address) {
    store::KeyEntry entry;
    entry.number = record.key_number;
    entry.address = address;
    entry.at = record.at;
    entry.client_slot = record.client_slot;
    entry.fingerprint = record.fingerprint;
    entry.instance = record.number;
    entry.sequence = record.sequence;
    entry.reason = record.reason;
    entry.reported = record.reported;
    entry.model_was_missing = record.model_was_missing ? 1 : 0;
    return entry;
  }

  void take(const LogRecord& record, Address address) {
    if (record.kind == RecordKind::client_assigned) clients_[record.number] = {record.client, record.key_number, 0};
    if (record.kind == RecordKind::floor_raised) clients_[record.number].floor = record.key_number;
    if (record.kind >= RecordKind::client_assigned || record.kind == RecordKind::remembered) return;
    Story& story = stories_[record.number];
    if (record.kind == RecordKind::timeout_reported) {
      story.timeout_reported = true;
      return;
    }
    if (record.kind != RecordKind::transition) {
      story = Story();
      if (record.kind == RecordKind::removal) return;
      story.born = address;
      story.made_here = true;
      if (record.kind == RecordKind::mock) return;
    } else {
      const Address before = record.back ? address - record.back : 0;
      if (story.records.empty()) story.first = before;
      const Address expected = story.records.empty() ? (story.made_here ? 0 : before) : story.head;
      story.broken = story.broken || before != expected;
    }
    story.timeout_reported = false;
    story.head = address;
    story.records.push_back({address, {record.action, record.state, record.at, record.occurred_at}});
  }

  Result<void> write_names() {
    for (const auto& [id, row] : table("specifications")) {
      SPEX_TRY_ASSIGN(const auto specification, to_.intern_specification(text(row, 1)));
      specifications_[static_cast<std::uint32_t>(id)] = specification;
      SPEX_TRY(to_.save_specification(specification, text(row, 2)));
    }
    for (const auto& [id, row] : table("names")) {
      SPEX_TRY_ASSIGN(names_[static_cast<std::uint32_t>(id)], to_.intern(text(row, 1)));
    }
    return {};
  }

  std::optional<store::NameId> name(std::uint32_t id) const {
    const auto found = names_.find(id);
    return found == names_.end() ? std::nullopt : std::optional(found->second);
  }

  // The archived records, oldest first, as far as they have no gap.
  std::vector<store::ArchivedRecord> archived(std::uint32_t number, bool& gap) const {
    std::vector<store::ArchivedRecord> records;
    for (auto row = shard_.archive.lower_bound({number, 0}); row != shard_.archive.end() && row->first.first == number;
         ++row) {
      const auto sequence = static_cast<std::uint32_t>(row->first.second);
      const auto part = store::decode_archive_body(number, sequence, as_bytes(row->second));
      if (!part || records.size() + part->size() != sequence) {
        gap = true;
        return records;
      }
      records.insert(records.end(), part->rbegin(), part->rend());
    }
    return records;
  }

  Address boundary(std::uint32_t number) const {
    return (number < cursor_ ? segment_end_ : first_row_) << store::kOffsetBits;
  }

  // Why the history is not whole; empty: `records` is all of it.
  std::string history(std::uint32_t number, std::vector<store::ArchivedRecord>& records) const {
    bool gap = false;
    records = archived(number, gap);
    if (gap) return "its archived records have a gap";
    static const Story kNone;
    const auto found = stories_.find(number);
    const Story& story = found == stories_.end() ? kNone : found->second;
    if (story.broken) return "records in the middle of its history are lost";
    std::size_t in_log = 0;
    for (const auto& [address, record] : story.records) {
      if (address < boundary(number)) continue;
      if (in_log++ == 0 && !story.made_here && story.first != 0 && story.first >= boundary(number)) {
        return "records in the middle of its history are lost";
      }
      records.push_back(record);
    }
    return against_snapshot(number, story, records);
  }

  std::string against_snapshot(std::uint32_t number, const Story& story,
                               const std::vector<store::ArchivedRecord>& records) const {
    const auto found = states_.find(number);
    if (found == states_.end()) {
      return story.made_here || !records.empty() ? "" : "neither its state nor its records are left";
    }
    const auto& [saved, state] = found->second;
    if (!state.is_living()) return story.made_here ? "" : "its records are lost";
    if (story.made_here && store::row_of(story.born) > saved) return "";  // a later instance of that number
    std::size_t later = 0;
    for (const auto& [address, record] : story.records) later += store::row_of(address) > saved ? 1 : 0;
    return state.sequence + later == records.size() ? "" : "records at the begin or end of its history are lost";
  }

  Result<void> write_instances() {
    for (const auto& [n, row] : table("instances")) {
      const auto number = static_cast<std::uint32_t>(n);
      std::vector<store::ArchivedRecord> records;
      std::string why = history(number, records);
      if (why.empty()) why = check_names(row, records);
      if (why.empty()) {
        SPEX_TRY(write_instance(number, row, records));
        continue;
      }
      const auto identifier = protocol::decode_value(text(row, 1));
      report_.lost.push_back({identifier ? *identifier : protocol::Value(), number, why});
    }
    std::set<std::uint32_t> rowless;
    for (const auto& [number, state] : states_) {
      if (state.second.is_living() && !is_gone(number)) rowless.insert(number);
    }
    for (const auto& [number, story] : stories_) {
      if (story.born != 0 || story.head != 0) rowless.insert(number);
    }
    for (const std::uint32_t number : rowless) {
      if (table("instances").contains(number)) continue;
      report_.lost.push_back({protocol::Value(), number, "its row, with the identifier, is lost"});
    }
    return {};
  }

  // Removed after its state was saved.
  bool is_gone(std::uint32_t number) const {
    const auto found = stories_.find(number);
    return found != stories_.end() && found->second.born == 0 && found->second.head == 0;
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
    if (timeout_reported(number)) SPEX_TRY(to_.mark_timeout_reported(made));
    made_[number] = made;
    ++report_.instances;
    report_.records += records.size();
    return report_.instances % 4'096 == 0 ? to_.commit() : Result<void>();
  }

  bool timeout_reported(std::uint32_t number) const {
    const auto story = stories_.find(number);
    if (story != stories_.end() && (story->second.timeout_reported || !story->second.records.empty())) {
      return story->second.timeout_reported;
    }
    const auto state = states_.find(number);
    return state != states_.end() && state->second.second.timeout_reported();
  }

  Result<void> write_models() {
    for (const auto& [id, row] : table("models")) {
      const auto specification = specifications_.find(static_cast<std::uint32_t>(id));
      if (specification == specifications_.end()) continue;
      store::StoredModel model{specification->second, integer(row, 1) != 0, text(row, 2), {}};
      for (const Row& transition : index_table("model_transitions")) {
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
    for (std::uint64_t position = key_tail_; !keys_.empty() && position < keys_.rbegin()->first; ++position) {
      report_.keys_may_be_missing = report_.keys_may_be_missing || !keys_.contains(position);
    }
    for (const char* table : {"log", "snapshot"}) {
      report_.keys_may_be_missing = report_.keys_may_be_missing || shard_.damaged_pages.contains(table);
    }
    const auto time = static_cast<std::uint64_t>(now_);
    std::unordered_map<std::uint32_t, std::uint64_t> highest;
    for (const auto& [position, entry] : keys_) {
      highest[entry.client_slot] = std::max(highest[entry.client_slot], entry.number);
    }
    for (const auto& [slot, client] : clients_) {
      if (client.client == 0) continue;
      // Numbers begin at the clock and grow slower than it: none that was used is above the time.
      const std::uint64_t floor =
          report_.keys_may_be_missing ? std::max({client.floor, highest[slot], time}) : client.floor;
      SPEX_TRY(to_.raise_key_floor({client.client, floor}, now_));
    }
    SPEX_TRY(
        to_.raise_key_floor_of_others(report_.keys_may_be_missing ? std::max(floor_of_all_, time) : floor_of_all_));
    for (const auto& [position, entry] : keys_) {
      const auto client = clients_.find(entry.client_slot);
      if (position < key_tail_ || client == clients_.end()) continue;
      store::StoredOutcome outcome{entry.reason, entry.reported, entry.model_was_missing != 0, {}, entry.sequence, 0};
      if (is_of_present_owner(entry)) outcome.instance = made_.at(entry.instance);
      SPEX_TRY(to_.remember({client->second.client, entry.number, entry.fingerprint}, outcome, entry.at));
      ++report_.keys;
    }
    if (report_.keys_may_be_missing) {
      report_.sentences.push_back(
          "request keys may be lost: requests from before are refused as expired, not executed again");
    }
    return {};
  }

  bool is_of_present_owner(const store::KeyEntry& entry) const {
    if (!made_.contains(entry.instance)) return false;
    const auto story = stories_.find(entry.instance);
    return story == stories_.end() || story->second.born <= entry.address;
  }

  // Consumers count on numbers without a gap: the newest run of them is kept.
  Result<void> write_events() {
    const auto& events = table("events");
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
    for (const Row& row : index_table("settings")) SPEX_TRY(to_.put_setting(text(row, 0), text(row, 1)));
    for (const Row& row : index_table("bulk_jobs")) {
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
  std::uint64_t first_row_ = 0;  // of the log that is not archived, see archiver.h
  std::uint64_t segment_end_ = 0;
  std::uint32_t cursor_ = 0;
  std::uint64_t key_tail_ = 1;
  std::uint64_t floor_of_all_ = 0;
  std::unordered_map<std::uint32_t, Story> stories_;
  std::unordered_map<std::uint32_t, std::pair<std::uint64_t, store::State>> states_;  // as of a log row
  std::map<std::uint64_t, store::KeyEntry> keys_;                                     // by position
  std::map<std::uint32_t, store::KeyClient> clients_;                                 // by slot
  std::unordered_map<std::uint32_t, store::SpecificationId> specifications_;
  std::unordered_map<std::uint32_t, store::NameId> names_;
  std::unordered_map<std::uint32_t, store::InstanceNumber> made_;
};

}  // namespace

Result<RebuildReport> rebuild(const SalvagedShard& shard, InstanceStore& to, base::Timestamp now) {
  return Rebuild(shard, to, now).run();
}

}  // namespace spex::dataops
