#include "store/idle_check.h"

#include "store/archive_record.h"
#include "store/instance_row.h"

namespace spex::store {

using base::Reason;
using base::Result;

Result<std::unique_ptr<IdleCheck>> IdleCheck::load(Database& database) {
  static constexpr std::array<const char*, kTables> kRows = {
      "SELECT n, body FROM log WHERE n>?1 ORDER BY n LIMIT ?3",
      "SELECT instance, sequence, body FROM archive WHERE (instance, sequence)>(?1, ?2)"
      " ORDER BY instance, sequence LIMIT ?3",
      "SELECT n, at, checksum, body FROM events WHERE n>?1 ORDER BY n LIMIT ?3",
      "SELECT number, id, spec, created, base_state, meta, checksum FROM instances WHERE number>?1 ORDER BY number"
      " LIMIT ?3"};
  std::unique_ptr<IdleCheck> check(new IdleCheck(database));
  for (std::size_t i = 0; i < kTables; ++i) {
    SPEX_TRY_ASSIGN(check->rows_[i], Statement::prepare(database, kRows[i], Reason::storage_scan));
  }
  return check;
}

Result<void> IdleCheck::step(base::Timestamp now) {
  Statement& rows = rows_[static_cast<std::size_t>(table_)];
  auto more = read_row_by_row(database_, [&] { return check_rows(rows); });
  if (!more && more.error().reason == Reason::storage_corrupt) {
    ++damaged_;  // the structure is: there is no way past it in this table
    more = false;
  }
  SPEX_TRY(more);
  if (!*more) next_table(now);
  return {};
}

Result<bool> IdleCheck::check_rows(Statement& rows) {
  const ResetAtEnd reset(rows);
  rows.bind(1, after_);
  if (table_ == Table::archive) rows.bind(2, after_sequence_);
  rows.bind(3, std::int64_t{kRowsPerSlice});
  for (int i = 0; i < kRowsPerSlice; ++i) {
    SPEX_TRY_ASSIGN(const bool row, rows.step());
    if (!row) return false;
    after_ = rows.integer(0);
    if (table_ == Table::archive) after_sequence_ = rows.integer(1);
    if (!is_sound(rows)) ++damaged_;
  }
  return true;
}

bool IdleCheck::is_sound(const Statement& row) const {
  switch (table_) {
    case Table::log:
      return RowReader(row.unsigned_integer(0), row.bytes(1)).is_sound();
    case Table::archive:
      return decode_archive_body(static_cast<std::uint32_t>(row.integer(0)), static_cast<std::uint32_t>(row.integer(1)),
                                 row.bytes(2))
          .has_value();
    case Table::events:
      return checksum32(row.bytes(3), row.unsigned_integer(0) ^ row.unsigned_integer(1)) == row.unsigned_integer(2);
    case Table::instances: {
      const InstanceRow instance{static_cast<std::uint32_t>(row.integer(0)), as_text(row.bytes(1)),
                                 static_cast<std::uint32_t>(row.integer(2)), row.integer(3),
                                 static_cast<std::uint32_t>(row.integer(4))};
      return instance_checksum(instance, as_text(row.bytes(5))) == row.integer(6);
    }
  }
  return false;
}

void IdleCheck::next_table(base::Timestamp now) {
  after_ = after_sequence_ = 0;
  table_ = static_cast<Table>((static_cast<std::size_t>(table_) + 1) % kTables);
  if (table_ != Table::log) return;
  ++rounds_;
  finished_at_ = now;
  damaged_before_ = damaged_;
  damaged_ = 0;
}

}  // namespace spex::store
