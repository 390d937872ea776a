// Changes of instances and request keys: each is a log record, and for what is
// rare a row of `instances`. SQL first, memory after: a failed statement leaves both.
#include <utility>

#include "store/instance_row.h"
#include "store/packed_store.h"

namespace spex::store {

using base::fail;
using base::Reason;
using base::Result;

Result<void> PackedStore::begin() {
  SPEX_TRY(check_usable());
  if (transaction_open_) return {};
  SPEX_TRY(begin_.execute());
  transaction_open_ = true;
  return {};
}

// The client's place in the table; a new one is logged first.
std::uint32_t PackedStore::slot_of_client(std::uint64_t client, base::Timestamp at) {
  const KeyTable::Slot slot = memory_->keys.prepare(client);
  if (slot.assigned) {
    LogRecord assigned;
    assigned.kind = RecordKind::client_assigned;
    assigned.number = slot.number;
    assigned.at = at;
    assigned.client = client;
    assigned.key_number = memory_->keys.client(slot.number).floor;
    const Address address = memory_->log.reserve(at, memory_->keys.next());
    memory_->log.add(assigned);
    memory_->touch(Memory::chunk_of_client(slot.number), row_of(address));
  }
  return slot.number;
}

void PackedStore::log_key(LogRecord& record, const RequestKey& key, const StoredOutcome& outcome) {
  record.client_slot = slot_of_client(key.client, record.at);
  record.keyed = true;
  record.key_number = key.number;
  record.fingerprint = key.fingerprint;
  record.reason = outcome.reason;
  record.reported = outcome.reported;
  record.model_was_missing = outcome.model_was_missing;
}

void PackedStore::log_change(LogRecord& record, const RequestKey* key, StoredOutcome* outcome) {
  newest_time_ = std::max(newest_time_, record.at);
  if (key) log_key(record, *key, *outcome);
  const std::uint64_t position = memory_->keys.next();
  const Address address = memory_->log.reserve(record.at, position);
  if (record.kind == RecordKind::transition) {
    const Address head = memory_->states[record.number].head();
    record.back = head ? address - head : 0;
  }
  memory_->log.add(record);
  memory_->apply(record, address);
  if (!key) return;
  outcome->address = address;
  if (record.kind != RecordKind::remembered) {
    outcome->instance = InstanceNumber(record.number);
    outcome->sequence = record.sequence;
  }
  KeyEntry entry;
  entry.number = key->number;
  entry.address = address;
  entry.at = record.at;
  entry.client_slot = record.client_slot;
  entry.fingerprint = key->fingerprint;
  entry.instance = record.number;
  entry.sequence = record.sequence;
  entry.reason = record.reason;
  entry.reported = record.reported;
  entry.model_was_missing = record.model_was_missing ? 1 : 0;
  memory_->keys.put(entry);
  memory_->touch(Memory::chunk_of_key(position), row_of(address));
  memory_->touch(Memory::chunk_of_client(record.client_slot), row_of(address));
}

Result<void> PackedStore::check_room() const {
  SPEX_TRY(check_usable());
  if (low_space_) return *low_space_;
  return {};
}

Result<std::uint32_t> PackedStore::number_for_new() {
  if (memory_->living >= options_.instances_max) {
    return fail(Reason::storage_full, "the shard has " + std::to_string(memory_->living) + " instances, its bound");
  }
  if (const auto reused = memory_->free.take_lowest()) return *reused;
  const std::uint32_t number = std::max(memory_->states.size(), 1U);
  memory_->states.grow_to(number + 1);
  return number;
}

Result<InstanceNumber> PackedStore::create(std::string_view identifier, SpecificationId specification,
                                           std::string_view meta, const Record& first, const RequestKey* key,
                                           StoredOutcome* outcome) {
  SPEX_TRY(check_room());
  SPEX_TRY(begin());
  if (memory_->directory.find(identifier)) {
    return fail(Reason::instance_identifier_already_in_use, "there is an instance with this identifier");
  }
  SPEX_TRY_ASSIGN(const std::uint32_t number, insert_instance(identifier, specification, meta, first.at, NameId()));
  LogRecord record;
  record.kind = RecordKind::creation;
  record.number = number;
  record.at = first.at;
  record.action = first.action.value();
  record.state = first.to_state.value();
  record.occurred_at = first.occurred_at;
  record.specification = specification.value();
  record.sequence = 1;
  log_change(record, key, outcome);
  return InstanceNumber(number);
}

Result<std::uint32_t> PackedStore::insert_instance(std::string_view identifier, SpecificationId specification,
                                                   std::string_view meta, base::Timestamp at, NameId base_state) {
  SPEX_TRY_ASSIGN(const std::uint32_t number, number_for_new());
  auto inserted =
      insert_instance_.bind(1, number)
          .bind(2, identifier)
          .bind(3, std::uint32_t{specification.value()})
          .bind(4, at)
          .bind(5, base_state.value())
          .bind(6, meta)
          .bind(7, instance_checksum({number, identifier, specification.value(), at, base_state.value()}, meta))
          .execute();
  if (!inserted) {
    // Where the file is damaged this number cannot be used; the others can.
    if (inserted.error().reason != Reason::storage_corrupt) memory_->free.give(number);
    return std::move(inserted).error();
  }
  if (!memory_->directory.insert(identifier, number)) {
    failed_ = fail(Reason::storage_full, "the identifiers take more memory than can be addressed");
    return *failed_;
  }
  return number;
}

Result<std::uint32_t> PackedStore::append(InstanceNumber number, const Record& appended, const RequestKey* key,
                                          StoredOutcome* outcome) {
  SPEX_TRY(check_room());
  SPEX_ASSERT(memory_->states.is_living(number.value()));
  const State& state = memory_->states[number.value()];
  LogRecord record;
  record.kind = RecordKind::transition;
  record.number = number.value();
  record.at = std::max(appended.at, state.at);
  record.action = appended.action.value();
  record.state = appended.to_state.value();
  record.occurred_at = appended.occurred_at;
  record.sequence = state.sequence + 1;
  log_change(record, key, outcome);
  return record.sequence;
}

Result<InstanceNumber> PackedStore::mock(std::string_view identifier, SpecificationId specification,
                                         std::string_view meta, NameId state, base::Timestamp now,
                                         const RequestKey* key, StoredOutcome* outcome) {
  SPEX_TRY(check_room());
  SPEX_TRY(begin());
  SPEX_TRY(remove_if_much_is_archived(identifier));
  LogRecord record;
  record.kind = RecordKind::mock;
  record.at = now;
  record.state = state.value();
  record.specification = specification.value();
  if (const auto existing = memory_->directory.find(identifier)) {
    record.number = *existing;
    SPEX_TRY(all_or_nothing([&] { return replace_row(identifier, *existing, specification, meta, now, state); }));
  } else {
    SPEX_TRY_ASSIGN(record.number, insert_instance(identifier, specification, meta, now, state));
  }
  log_change(record, key, outcome);
  return InstanceNumber(record.number);
}

// Its number cannot be used again before that is deleted, so the replaced instance gets another.
Result<void> PackedStore::remove_if_much_is_archived(std::string_view identifier) {
  const auto existing = memory_->directory.find(identifier);
  if (!existing) return {};
  SPEX_TRY_ASSIGN(const bool much, archiver_->has_much_of(*existing, memory_->states[*existing]));
  return much ? remove(InstanceNumber(*existing), nullptr, nullptr) : Result<void>();
}

Result<void> PackedStore::remove(InstanceNumber number, const RequestKey* key, StoredOutcome* outcome) {
  SPEX_TRY(begin());
  SPEX_ASSERT(memory_->states.is_living(number.value()));
  std::string identifier;
  bool withheld = false;
  {
    const ResetAtEnd reset(remove_instance_);
    SPEX_TRY_ASSIGN(const bool row, remove_instance_.bind(1, number.value()).step());
    if (!row) {
      ++counters_.corrupt_records;
      return fail(Reason::storage_corrupt, "the row is missing of instance number " + std::to_string(number.value()));
    }
    identifier = as_text(remove_instance_.bytes(0));
    const auto finish = [&]() -> Result<void> {
      SPEX_TRY(remove_instance_.step());
      SPEX_TRY_ASSIGN(withheld, archiver_->forget(number.value(), memory_->states[number.value()]));
      return {};
    };
    SPEX_TRY(all_or_nothing(finish));
  }
  LogRecord record;
  record.kind = RecordKind::removal;
  record.number = number.value();
  record.at = newest_time_;
  memory_->directory.erase(identifier);
  log_change(record, key, outcome);
  if (withheld) {
    memory_->withheld.insert(number.value());
  } else {
    memory_->free.give(number.value());
  }
  return {};
}

Result<void> PackedStore::replace_row(std::string_view identifier, std::uint32_t number, SpecificationId specification,
                                      std::string_view meta, base::Timestamp now, NameId state) {
  SPEX_TRY(archiver_->forget(number, memory_->states[number]));
  return update_instance_.bind(1, number)
      .bind(2, std::uint32_t{specification.value()})
      .bind(3, now)
      .bind(4, state.value())
      .bind(5, meta)
      .bind(6, instance_checksum({number, identifier, specification.value(), now, state.value()}, meta))
      .execute();
}

Result<void> PackedStore::remember(const RequestKey& key, const StoredOutcome& outcome, base::Timestamp now) {
  SPEX_TRY(check_usable());
  LogRecord record;
  record.kind = RecordKind::remembered;
  record.number = memory_->states.is_living(outcome.instance.value()) ? outcome.instance.value() : 0;
  record.at = now;
  record.sequence = outcome.sequence;
  StoredOutcome stored = outcome;
  log_change(record, &key, &stored);
  return {};
}

Result<void> PackedStore::mark_timeout_reported(InstanceNumber number) {
  SPEX_TRY(check_room());
  SPEX_ASSERT(memory_->states.is_living(number.value()));
  LogRecord record;
  record.kind = RecordKind::timeout_reported;
  record.number = number.value();
  record.at = newest_time_;
  log_change(record, nullptr, nullptr);
  return {};
}

Result<void> PackedStore::raise_key_floor(const KeyFloor& floor, base::Timestamp now) {
  SPEX_TRY(check_usable());
  newest_time_ = std::max(newest_time_, now);
  slot_of_client(floor.client, now);
  memory_->keys.raise_floor(floor.client, floor.floor);
  return {};
}

Result<void> PackedStore::raise_key_floor_of_others(std::uint64_t floor) {
  SPEX_TRY(check_usable());
  memory_->keys.raise_floor_of_all(floor);
  return {};
}

void PackedStore::forget_keys_before(base::Timestamp time) {
  if (!check_usable()) return;
  memory_->keys.forget_before(time);
  const auto drop_one = [&]() -> Result<bool> {
    SPEX_TRY(begin());
    SPEX_TRY_ASSIGN(const auto dropped, catalog_->drop_bulk_job(time));
    if (dropped) memory_->keys.raise_floor(dropped->client, dropped->number);
    return dropped.has_value();
  };
  while (catalog_->has_bulk_jobs()) {
    auto dropped = drop_one();
    if (!dropped) failed_ = std::move(dropped).error();
    if (failed_ || !*dropped) return;
  }
}

}  // namespace spex::store
