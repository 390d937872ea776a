// Archiver: gives back the space of dead records. Takes the oldest rows of the log,
// a segment, moves what is alive in them into the table `archive`, by instance, and
// deletes them. All in small steps, each part of an ordinary transaction.
//
// A record is alive iff its instance is and its address is not below `born`.
// I6: for instance i the boundary is `segment_end` if i < cursor, else `first`: its
//     records before it are in `archive`, the others in `log`. Sequence numbers in the
//     archive of an instance begin with 1 and have no gap.
// After a crash a segment is read again, and written from `cursor` on.
//
// It works when more than half of the log is dead, and when removed instances are to
// leave the file within `reclaim_within`. It stops before a damaged row: nothing of
// it is lost by archiving.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "store/archive_record.h"
#include "store/memory.h"
#include "store/sqlite.h"

namespace spex::store {

class Archiver {
 public:
  // A log with fewer than `dead_min` dead records is left alone.
  static base::Result<std::unique_ptr<Archiver>> load(Database& database, std::uint64_t dead_min);

  // What lies below it is in the archive.
  Address boundary(std::uint32_t number) const {
    return (number < position_.cursor ? position_.segment_end : position_.first) << kOffsetBits;
  }

  // Whether the archive has so much of an instance that it is deleted bit by bit.
  base::Result<bool> has_much_of(std::uint32_t number, const State& state);
  // Removes what the archive has of an instance; it is about to be removed or replaced.
  // If that is much, only notes it: then the number is withheld (true) until
  // delete_some() has deleted it. Not for an instance to be replaced.
  base::Result<bool> forget(std::uint32_t number, const State& state);
  // Deletes some of the rows of a removed instance; true: they are all gone, and so is the note.
  base::Result<bool> delete_some(std::uint32_t number);

  // Whether step() has something to do. `reclaim_within` in µs.
  bool is_due(const Memory& memory, base::Timestamp now, std::int64_t reclaim_within) const;
  // One step, inside the open transaction. Fails with storage_corrupt before a damaged row.
  base::Result<void> step(const Memory& memory, base::Timestamp now, std::int64_t reclaim_within);
  std::uint64_t archived_records() const { return position_.archived; }
  // Whether step() has only read so far, so that its failure has changed nothing.
  bool is_collecting() const { return phase_ == Phase::collecting; }
  // Whether the rows to be reclaimed are still needed for replaying: chunks must be saved first.
  bool waits_for_snapshots(const Memory& memory) const {
    return position_.first < position_.marked_row && position_.first >= memory.log.replay_from;
  }

 private:
  // The row of the table `tail`.
  struct Position {
    std::uint64_t first = 1;        // lowest log row with live records
    std::uint64_t segment_end = 1;  // > first: the segment [first, segment_end) is being moved
    std::uint32_t cursor = 0;       // instances below it have been moved
    std::uint64_t archived = 0;     // live records in the archive
    std::uint64_t marked_row = 0;   // rows below it are to be archived in any case
    base::Timestamp marked_at = 0;
    bool removed = false;  // something was removed since the mark
  };
  // A live record of the segment: its instance, and where it lies in `bodies_`.
  struct Entry {
    std::uint32_t number = 0;
    std::uint32_t place = 0;  // row in bodies_ · 4096 + offset; grows with the address
    auto operator<=>(const Entry&) const = default;
  };
  struct Run {  // sorted entries of some rows, and how far they have been taken
    std::vector<Entry> entries;
    std::size_t at = 0;
  };
  enum class Phase : std::uint8_t { idle, collecting, moving };

  Archiver(Database& database, std::uint64_t dead_min) : database_(database), dead_min_(dead_min) {}
  base::Result<void> find_first_row();
  base::Result<void> read_first_row();
  base::Result<void> save_position();
  bool is_mostly_dead(const Memory& memory) const;
  std::uint64_t limit(const Memory& memory) const;
  bool has_segment_to_take(const Memory& memory) const;
  base::Result<void> collect(const Memory& memory);
  bool collect_row(const Memory& memory, Bytes body, Run& run);
  base::Result<void> begin_moving(const Memory& memory);
  base::Result<void> move(const Memory& memory);
  std::vector<Entry> take_next_instance();
  base::Result<void> move_instance(const Memory& memory, const std::vector<Entry>& entries);
  base::Result<void> write(std::uint32_t number, const std::vector<ArchivedRecord>& oldest_first);
  base::Result<std::uint32_t> archived_of(std::uint32_t number);
  base::Result<void> free_rows();

  Database& database_;
  std::uint64_t dead_min_;
  Statement much_, delete_some_, note_, unnote_;
  Statement save_, row_, first_row_, free_, insert_, archived_, remove_;
  Position position_;
  std::uint64_t lowest_row_ = 1;            // in the file; below `first` while rows are freed
  std::uint64_t records_before_first_ = 0;  // in all rows before `first`
  Phase phase_ = Phase::idle;
  std::uint64_t collected_to_ = 0;  // the next row to collect
  std::uint64_t resume_end_ = 0;    // segment_end after a crash, 0: a new segment
  std::size_t collected_bytes_ = 0;
  std::vector<std::vector<std::uint8_t>> bodies_;  // of the segment's rows
  std::vector<Run> runs_;
  std::size_t rows_written_ = 0;  // in this step
};

}  // namespace spex::store
