// IdleCheck: reads the whole file again and again, a bounded slice at a time, when a
// shard has nothing else to do, so that damage is found before somebody asks for what
// it hit. Tests the checksum of each row of log, archive, events and instances.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "base/clock.h"
#include "store/sqlite.h"

namespace spex::store {

class IdleCheck {
 public:
  static constexpr int kRowsPerSlice = 32;

  static base::Result<std::unique_ptr<IdleCheck>> load(Database& database);
  // Checks the next rows; `now` is the time of the round if it ends here. Fails only if reading is impossible.
  base::Result<void> step(base::Timestamp now);

  std::uint64_t rounds() const { return rounds_; }
  base::Timestamp finished_at() const { return finished_at_; }  // the newest round, 0: none
  // Damaged rows: of this round, or of the one before if that had more.
  std::uint64_t damaged() const { return damaged_ > damaged_before_ ? damaged_ : damaged_before_; }

 private:
  enum class Table : std::uint8_t { log, archive, events, instances };
  static constexpr std::size_t kTables = 4;

  explicit IdleCheck(Database& database) : database_(database) {}
  base::Result<bool> check_rows(Statement& rows);  // false: the table ends here
  bool is_sound(const Statement& row) const;
  void next_table(base::Timestamp now);

  Database& database_;
  std::array<Statement, kTables> rows_;  // after a position, in order
  Table table_ = Table::log;
  std::int64_t after_ = 0;           // the key up to which the table was checked
  std::int64_t after_sequence_ = 0;  // and its second part, of archive rows
  std::uint64_t rounds_ = 0;
  base::Timestamp finished_at_ = 0;
  std::uint64_t damaged_ = 0;
  std::uint64_t damaged_before_ = 0;
};

}  // namespace spex::store
