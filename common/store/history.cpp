#include "store/history.h"

#include <string>

namespace spex::store {
namespace {

using base::fail;
using base::Reason;
using base::Result;

base::Error damaged(std::uint32_t number, std::uint32_t sequence) {
  return fail(Reason::storage_corrupt,
              "record " + std::to_string(sequence) + " of instance number " + std::to_string(number) + " is damaged");
}

}  // namespace

Result<std::unique_ptr<HistoryReader>> HistoryReader::load(Database& database) {
  std::unique_ptr<HistoryReader> reader(new HistoryReader(database));
  SPEX_TRY_ASSIGN(reader->row_, Statement::prepare(database, "SELECT body FROM log WHERE n=?1"));
  SPEX_TRY_ASSIGN(reader->archive_,
                  Statement::prepare(database,
                                     "SELECT sequence, body FROM archive WHERE instance=?1 AND sequence>=?2"
                                     " ORDER BY sequence LIMIT 1"));
  SPEX_TRY_ASSIGN(reader->archived_,
                  Statement::prepare(database, "SELECT ifnull(max(sequence), 0) FROM archive WHERE instance=?1"));
  return reader;
}

HistoryReader::Place& HistoryReader::place_of(std::uint32_t number, std::uint32_t sequence) {
  return places_[(std::uint64_t{number} * 0x9E3779B97F4A7C15U + sequence) % kPlaces];
}

// Where to begin: at the newest record, or where an earlier page ended.
HistoryReader::Place HistoryReader::start(const State& state, std::uint32_t number, std::uint32_t before) {
  const std::uint32_t wanted = before == 0 || before > state.sequence ? state.sequence : before - 1;
  const Place& kept = place_of(number, wanted);
  if (wanted < state.sequence && kept.number == number && kept.sequence == wanted && kept.born == state.born()) {
    return kept;
  }
  return {number, state.sequence, state.born(), state.head()};
}

Result<bool> HistoryReader::is_archived(std::uint32_t number, std::uint32_t sequence) {
  const ResetAtEnd reset(archived_);
  SPEX_TRY(archived_.bind(1, number).step());
  return archived_.integer(0) >= sequence;
}

Result<std::vector<Record>> HistoryReader::read(const Memory& memory, const NameTable& names, std::uint32_t number,
                                                std::uint32_t before, std::size_t limit, Address boundary) {
  std::vector<Record> records;
  const State& state = memory.states[number];
  const std::uint32_t from = before == 0 || before > state.sequence ? state.sequence : before - 1;
  if (from == 0 || limit == 0) return records;
  Place at = start(state, number, before);
  // A jump into the archive needs no walk through the log.
  if (at.sequence > from && state.born() < boundary) {
    SPEX_TRY_ASSIGN(const bool archived, is_archived(number, from));
    if (archived) at = {number, from, state.born(), state.born()};
  }
  SPEX_TRY(walk(memory, number, from, limit, boundary, at, records));
  if (at.sequence > 0 && at.address >= boundary) place_of(number, at.sequence) = at;
  for (const Record& record : records) {
    if (!names.has(record.action.value()) || !names.has(record.to_state.value()))
      return damaged(number, record.sequence);
  }
  return records;
}

Result<void> HistoryReader::walk(const Memory& memory, std::uint32_t number, std::uint32_t from, std::size_t limit,
                                 Address boundary, Place& at, std::vector<Record>& records) {
  while (at.sequence > 0 && records.size() < limit) {
    if (at.address < boundary) return read_archive(number, std::min(from, at.sequence), limit, records);
    const auto record = log_record(memory, at.address);
    if (!record && record.error().reason == Reason::storage_corrupt) return damaged(number, at.sequence);
    SPEX_TRY(record);
    const bool first = record->kind == RecordKind::creation || record->back == 0;
    const bool is_history = record->kind == RecordKind::creation || record->kind == RecordKind::transition;
    if (!is_history || record->number != number || first != (at.sequence == 1) || record->back > at.address) {
      return damaged(number, at.sequence);
    }
    if (at.sequence <= from) {
      records.push_back({NameId(record->action), NameId(record->state), record->at, record->occurred_at, at.sequence});
    }
    at.address = first ? 0 : at.address - record->back;
    --at.sequence;
  }
  return {};
}

Result<LogRecord> HistoryReader::log_record(const Memory& memory, Address address) {
  const std::uint64_t row = row_of(address);
  const auto read = [&](Bytes body, bool sound) -> Result<LogRecord> {
    RowReader reader(row, body, sound);
    const auto record = reader.at(offset_of(address));
    if (!record) return fail(Reason::storage_corrupt, "log row " + std::to_string(row));
    return *record;
  };
  if (row >= memory.log.next_row) {
    if (row > memory.log.last_row()) return fail(Reason::storage_corrupt, "log row " + std::to_string(row));
    return read(memory.log.rows[row - memory.log.next_row]->bytes(), true);
  }
  SPEX_TRY_ASSIGN(const KeptRow* const kept, kept_row(row));
  return read(kept->body, kept->sound);
}

Result<const HistoryReader::KeptRow*> HistoryReader::kept_row(std::uint64_t row) {
  KeptRow& kept = rows_[row % kRowsKept];
  if (kept.row == row) return &kept;
  kept.row = 0;
  SPEX_TRY(read_row_by_row(database_, [&]() -> Result<void> {
    const ResetAtEnd reset(row_);
    SPEX_TRY_ASSIGN(const bool found, row_.bind(1, row).step());
    if (!found) return fail(Reason::storage_corrupt, "log row " + std::to_string(row));
    const Bytes body = row_.bytes(0);
    kept.body.assign(body.begin(), body.end());
    return {};
  }));
  kept.sound = RowReader(row, kept.body).is_sound();
  kept.row = row;
  return &kept;
}

Result<void> HistoryReader::read_archive(std::uint32_t number, std::uint32_t from, std::size_t limit,
                                         std::vector<Record>& records) {
  while (from > 0 && records.size() < limit) {
    SPEX_TRY(read_row_by_row(database_, [&] { return read_archive_row(number, from, limit, records); }));
  }
  return {};
}

// The row that has the record `from`; leaves `from` at the next record wanted.
Result<void> HistoryReader::read_archive_row(std::uint32_t number, std::uint32_t& from, std::size_t limit,
                                             std::vector<Record>& records) {
  const ResetAtEnd reset(archive_);
  SPEX_TRY_ASSIGN(const bool found, archive_.bind(1, number).bind(2, from).step());
  if (!found) return damaged(number, from);
  const auto newest = static_cast<std::uint32_t>(archive_.integer(0));
  const auto body = decode_archive_body(number, newest, archive_.bytes(1));
  if (!body || newest < from || newest - from >= body->size()) return damaged(number, from);
  for (std::size_t i = newest - from; i < body->size() && records.size() < limit; ++i, --from) {
    const ArchivedRecord& record = (*body)[i];
    records.push_back({NameId(record.action), NameId(record.state), record.at, record.occurred_at, from});
  }
  return {};
}

}  // namespace spex::store
