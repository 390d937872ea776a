#include "store/archiver.h"

#include <algorithm>
#include <string>

namespace spex::store {
namespace {

using base::fail;
using base::Reason;
using base::Result;

constexpr std::size_t kSegmentBytes = 1 << 20;
constexpr std::uint64_t kSegmentRowsMax = 4'096;
constexpr std::size_t kBytesPerStep = 1 << 16;  // collected, sorted
constexpr int kRowsPerStep = 256;
constexpr std::uint64_t kRowsFreedPerStep = 64;
constexpr std::size_t kWritesPerStep = 128;      // archive rows
constexpr std::int64_t kRowsDeletedAtOnce = 64;  // of the archive

std::size_t varint_size(std::uint64_t value) {
  std::size_t size = 1;
  for (; value >= 128; value >>= 7) ++size;
  return size;
}

std::size_t size_of(const ArchivedRecord& record, base::Timestamp neighbour) {
  return varint_size(std::uint64_t{record.action} << 1) + varint_size(record.state) +
         varint_size(zigzag(time_difference(neighbour, record.at))) +
         (record.occurred_at ? varint_size(zigzag(time_difference(*record.occurred_at, record.at))) : 0);
}

}  // namespace

Result<std::unique_ptr<Archiver>> Archiver::load(Database& database, std::uint64_t dead_min) {
  std::unique_ptr<Archiver> archiver(new Archiver(database, dead_min));
  const auto one = [&](Statement& statement, const char* sql, Reason otherwise) -> Result<void> {
    SPEX_TRY_ASSIGN(statement, Statement::prepare(database, sql, otherwise));
    return {};
  };
  SPEX_TRY(
      one(archiver->save_,
          "UPDATE tail SET first=?1, segment_end=?2, cursor=?3, archived=?4, marked_row=?5, marked_at=?6, removed=?7",
          Reason::storage_insert));
  SPEX_TRY(one(archiver->row_, "SELECT n, body FROM log WHERE n>=?1 ORDER BY n", Reason::storage_scan));
  SPEX_TRY(one(archiver->first_row_, "SELECT n FROM log ORDER BY n LIMIT 1", Reason::storage_scan));
  SPEX_TRY(one(archiver->free_, "DELETE FROM log WHERE n<?1", Reason::storage_delete));
  SPEX_TRY(one(archiver->insert_, "INSERT INTO archive VALUES(?1,?2,?3)", Reason::storage_insert));
  SPEX_TRY(one(archiver->archived_, "SELECT ifnull(max(sequence), 0) FROM archive WHERE instance=?1",
               Reason::storage_lookup));
  SPEX_TRY(one(archiver->remove_, "DELETE FROM archive WHERE instance=?1", Reason::storage_delete));
  SPEX_TRY(one(archiver->much_, "SELECT 1 FROM archive WHERE instance=?1 LIMIT 1 OFFSET ?2", Reason::storage_lookup));
  SPEX_TRY(one(archiver->delete_some_,
               "DELETE FROM archive WHERE instance=?1 AND sequence IN"
               " (SELECT sequence FROM archive WHERE instance=?1 ORDER BY sequence LIMIT ?2)",
               Reason::storage_delete));
  SPEX_TRY(one(archiver->note_, "INSERT INTO removed VALUES(?1)", Reason::storage_insert));
  SPEX_TRY(one(archiver->unnote_, "DELETE FROM removed WHERE number=?1", Reason::storage_delete));
  Statement tail;
  SPEX_TRY(one(tail, "SELECT first, segment_end, cursor, archived, marked_row, marked_at, removed FROM tail",
               Reason::storage_scan));
  SPEX_TRY_ASSIGN(const bool row, tail.step());
  if (!row || tail.integer(0) < 1 || tail.integer(1) < tail.integer(0)) {
    return fail(Reason::storage_corrupt, "the position of archiving is damaged");
  }
  archiver->position_ = {
      tail.unsigned_integer(0), tail.unsigned_integer(1), static_cast<std::uint32_t>(tail.integer(2)),
      tail.unsigned_integer(3), tail.unsigned_integer(4), tail.integer(5),
      tail.integer(6) != 0};
  SPEX_TRY(archiver->find_first_row());
  return archiver;
}

Result<void> Archiver::find_first_row() {
  return read_row_by_row(database_, [&] { return read_first_row(); });
}

Result<void> Archiver::read_first_row() {
  {
    const ResetAtEnd reset(first_row_);
    SPEX_TRY_ASSIGN(const bool row, first_row_.step());
    lowest_row_ = row ? first_row_.unsigned_integer(0) : position_.first;
  }
  const ResetAtEnd reset(row_);
  SPEX_TRY_ASSIGN(const bool row, row_.bind(1, position_.first).step());
  if (!row) return {};
  // A damaged one is found, and refused, when it is collected.
  const RowReader reader(row_.unsigned_integer(0), row_.bytes(1));
  if (reader.has_header()) records_before_first_ = reader.header().records_before;
  return {};
}

Result<void> Archiver::save_position() {
  return save_.bind(1, position_.first)
      .bind(2, position_.segment_end)
      .bind(3, position_.cursor)
      .bind(4, position_.archived)
      .bind(5, position_.marked_row)
      .bind(6, position_.marked_at)
      .bind(7, std::uint32_t{position_.removed})
      .execute();
}

Result<std::uint32_t> Archiver::archived_of(std::uint32_t number) {
  const ResetAtEnd reset(archived_);
  SPEX_TRY(archived_.bind(1, number).step());
  return static_cast<std::uint32_t>(archived_.integer(0));
}

Result<bool> Archiver::has_much_of(std::uint32_t number, const State& state) {
  if (!state.sequence || state.born() >= boundary(number)) return false;
  const ResetAtEnd reset(much_);
  return much_.bind(1, number).bind(2, kRowsDeletedAtOnce).step();
}

Result<bool> Archiver::forget(std::uint32_t number, const State& state) {
  bool changed = !position_.removed;
  position_.removed = true;
  bool much = false;
  if (state.sequence && state.born() < boundary(number)) {
    SPEX_TRY_ASSIGN(const std::uint32_t archived, archived_of(number));
    SPEX_TRY_ASSIGN(much, has_much_of(number, state));
    if (much) {
      SPEX_TRY(note_.bind(1, number).execute());
    } else if (archived) {
      SPEX_TRY(remove_.bind(1, number).execute());
    }
    position_.archived -= std::min<std::uint64_t>(archived, position_.archived);
    changed = changed || archived;
  }
  if (changed) SPEX_TRY(save_position());
  return much;
}

Result<bool> Archiver::delete_some(std::uint32_t number) {
  SPEX_TRY(delete_some_.bind(1, number).bind(2, kRowsDeletedAtOnce).execute());
  if (database_.changed_rows() == kRowsDeletedAtOnce) return false;
  SPEX_TRY(unnote_.bind(1, number).execute());
  return true;
}

bool Archiver::is_mostly_dead(const Memory& memory) const {
  const std::uint64_t all = memory.log.records() - std::min(memory.log.records(), records_before_first_);
  const std::uint64_t alive = memory.living_records - std::min(memory.living_records, position_.archived);
  return all > alive && all - alive >= dead_min_ && all - alive > alive;
}

// Rows from here on are not touched: replaying needs them.
std::uint64_t Archiver::limit(const Memory& memory) const { return memory.log.replay_from; }

bool Archiver::has_segment_to_take(const Memory& memory) const {
  const std::uint64_t end = limit(memory);
  return position_.first < std::min(end, position_.marked_row) || (position_.first < end && is_mostly_dead(memory));
}

bool Archiver::is_due(const Memory& memory, base::Timestamp now, std::int64_t reclaim_within) const {
  return phase_ != Phase::idle || lowest_row_ < position_.first || position_.segment_end > position_.first ||
         (position_.removed && now - position_.marked_at >= reclaim_within / 2) || has_segment_to_take(memory);
}

Result<void> Archiver::step(const Memory& memory, base::Timestamp now, std::int64_t reclaim_within) {
  if (position_.removed && now - position_.marked_at >= reclaim_within / 2) {
    position_.marked_row = memory.log.last_row() + 1;
    position_.marked_at = now;
    position_.removed = false;
    return save_position();
  }
  switch (phase_) {
    case Phase::idle:
      if (lowest_row_ < position_.first) return free_rows();
      if (position_.segment_end == position_.first && !has_segment_to_take(memory)) return {};
      phase_ = Phase::collecting;
      collected_to_ = position_.first;
      resume_end_ = position_.segment_end > position_.first ? position_.segment_end : 0;
      return collect(memory);
    case Phase::collecting:
      return collect(memory);
    case Phase::moving:
      return move(memory);
  }
  return {};
}

Result<void> Archiver::collect(const Memory& memory) {
  const std::uint64_t end = resume_end_ ? resume_end_ : limit(memory);
  const ResetAtEnd reset(row_);
  row_.bind(1, collected_to_);
  Run run;
  bool complete = false;
  const std::size_t bytes_max = collected_bytes_ + kBytesPerStep;
  for (int i = 0; i < kRowsPerStep && collected_bytes_ < bytes_max && !complete; ++i) {
    SPEX_TRY_ASSIGN(const bool row, collected_to_ < end ? row_.step() : Result<bool>(false));
    if (!row || row_.unsigned_integer(0) != collected_to_ || !collect_row(memory, row_.bytes(1), run)) {
      return fail(Reason::storage_corrupt,
                  "archiving stops before log row " + std::to_string(collected_to_) + ", damaged");
    }
    ++collected_to_;
    complete = collected_to_ >= end ||
               (!resume_end_ && (collected_bytes_ >= kSegmentBytes || bodies_.size() >= kSegmentRowsMax));
  }
  std::sort(run.entries.begin(), run.entries.end());
  if (!run.entries.empty()) runs_.push_back(std::move(run));
  return complete ? begin_moving(memory) : Result<void>();
}

bool Archiver::collect_row(const Memory& memory, Bytes body, Run& run) {
  RowReader reader(collected_to_, body);
  if (!reader.is_sound()) return false;
  while (!reader.at_end()) {
    const Address address = reader.position();
    const auto record = reader.next();
    if (!record) return false;
    const bool history = record->kind == RecordKind::transition || record->kind == RecordKind::creation;
    if (!history || record->number < position_.cursor || !memory.states.is_living(record->number) ||
        address < memory.states[record->number].born()) {
      continue;
    }
    run.entries.push_back(
        {record->number, static_cast<std::uint32_t>(bodies_.size() << kOffsetBits | offset_of(address))});
  }
  bodies_.emplace_back(body.begin(), body.end());
  collected_bytes_ += body.size();
  return true;
}

Result<void> Archiver::begin_moving(const Memory& memory) {
  phase_ = Phase::moving;
  if (!resume_end_) {
    position_.segment_end = collected_to_;
    position_.cursor = 0;
    SPEX_TRY(save_position());
  }
  return move(memory);
}

// The entries of the lowest instance of all runs, by address.
std::vector<Archiver::Entry> Archiver::take_next_instance() {
  std::uint32_t lowest = 0xffffffffU;
  for (const Run& run : runs_) {
    if (run.at < run.entries.size()) lowest = std::min(lowest, run.entries[run.at].number);
  }
  std::vector<Entry> entries;
  for (Run& run : runs_) {  // rows ascend from run to run, so addresses do
    for (; run.at < run.entries.size() && run.entries[run.at].number == lowest; ++run.at) {
      entries.push_back(run.entries[run.at]);
    }
  }
  return entries;
}

Result<void> Archiver::move(const Memory& memory) {
  rows_written_ = 0;
  while (rows_written_ < kWritesPerStep) {
    const std::vector<Entry> entries = take_next_instance();
    if (entries.empty()) {
      records_before_first_ = 0;
      position_.first = position_.segment_end;
      position_.cursor = 0;
      bodies_.clear();
      runs_.clear();
      collected_bytes_ = 0;
      phase_ = Phase::idle;
      SPEX_TRY(save_position());
      return find_first_row();
    }
    SPEX_TRY(move_instance(memory, entries));
    position_.cursor = entries.front().number + 1;
  }
  return save_position();
}

Result<void> Archiver::move_instance(const Memory& memory, const std::vector<Entry>& entries) {
  const std::uint32_t number = entries.front().number;
  std::vector<ArchivedRecord> records;
  for (const Entry& entry : entries) {
    const std::size_t index = entry.place >> kOffsetBits;
    const std::uint64_t row = position_.first + index;
    const Address address = row << kOffsetBits | offset_of(entry.place);
    // It may have been removed since it was collected.
    if (!memory.states.is_living(number) || address < memory.states[number].born()) continue;
    RowReader reader(row, bodies_[index]);
    const auto record = reader.at(offset_of(entry.place));
    if (!record) return fail(Reason::storage_corrupt, "a record changed while it was archived");
    records.push_back({record->action, record->state, record->at, record->occurred_at});
  }
  if (records.empty()) return {};
  return write(number, records);
}

Result<void> Archiver::write(std::uint32_t number, const std::vector<ArchivedRecord>& oldest_first) {
  SPEX_TRY_ASSIGN(std::uint32_t sequence, archived_of(number));
  std::vector<ArchivedRecord> part;
  std::size_t size = 0;
  for (std::size_t i = 0; i < oldest_first.size(); ++i) {
    if (part.empty()) size = 4 + 3 + kVarintMax;  // checksum, count, the newest one's full time
    size += size_of(oldest_first[i], part.empty() ? oldest_first[i].at : part.back().at);
    part.push_back(oldest_first[i]);
    ++sequence;
    const bool full = size + kArchivedRecordMax > kArchiveBodyMax;
    if (!full && i + 1 < oldest_first.size()) continue;
    std::reverse(part.begin(), part.end());
    const std::vector<std::uint8_t> body = encode_archive_body(number, sequence, part);
    SPEX_TRY(insert_.bind(1, number).bind(2, sequence).bind(3, Bytes(body)).execute());
    ++rows_written_;
    part.clear();
  }
  position_.archived += oldest_first.size();
  return {};
}

Result<void> Archiver::free_rows() {
  lowest_row_ = std::min(lowest_row_ + kRowsFreedPerStep, position_.first);
  return free_.bind(1, lowest_row_).execute();
}

}  // namespace spex::store
