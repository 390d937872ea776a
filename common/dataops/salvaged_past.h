// SalvagedPast: what the rows that are left of a damaged shard's log, snapshot and archive tell
// of its instances and request keys. Reads only; rebuild.cpp makes the new shard of it.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "dataops/rebuild.h"
#include "dataops/salvage.h"
#include "store/archive_record.h"
#include "store/memory.h"
#include "store/record.h"

namespace spex::dataops {

class SalvagedPast {
 public:
  // What is missing becomes sentences of the report.
  SalvagedPast(const SalvagedShard& shard, RebuildReport& report);

  // Why the history of the number's instance is not whole; empty: `records` is all of it, oldest first.
  std::string history(std::uint32_t number, std::vector<store::ArchivedRecord>& records) const;
  bool timeout_reported(std::uint32_t number) const;
  // The numbers that a state or the log says to live.
  std::set<std::uint32_t> living() const;
  // Whether the instance that has the key's number now is the one of the key.
  bool is_of_present_owner(const store::KeyEntry& entry) const;

  const std::map<std::uint64_t, store::KeyEntry>& keys() const { return keys_; }         // by position
  const std::map<std::uint32_t, store::KeyClient>& clients() const { return clients_; }  // by slot
  std::uint64_t key_tail() const { return key_tail_; }
  std::uint64_t floor_of_all() const { return floor_of_all_; }

 private:
  // What the sound log rows say of an instance number.
  struct Story {
    store::Address born = 0;
    store::Address head = 0;
    store::Address first = 0;  // where its first record in the log says that the one before it lies
    bool made_here = false;    // its creation is in the log
    bool broken = false;
    bool timeout_reported = false;
    std::vector<std::pair<store::Address, store::ArchivedRecord>> records;  // oldest first
  };

  void read_snapshots();
  void read_log();
  void lose_rows(std::uint64_t from, std::uint64_t to);
  void read_row(store::RowReader& reader);
  void take(const store::LogRecord& record, store::Address address);
  std::vector<store::ArchivedRecord> archived(std::uint32_t number, bool& gap) const;
  store::Address boundary(std::uint32_t number) const;
  std::string against_snapshot(std::uint32_t number, const Story& story,
                               const std::vector<store::ArchivedRecord>& records) const;
  bool is_gone(std::uint32_t number) const;

  const SalvagedShard& shard_;
  RebuildReport& report_;
  std::uint64_t first_row_ = 0;  // of the log that is not archived, see archiver.h
  std::uint64_t segment_end_ = 0;
  std::uint32_t cursor_ = 0;
  std::uint64_t key_tail_ = 1;
  std::uint64_t floor_of_all_ = 0;
  std::unordered_map<std::uint32_t, Story> stories_;
  std::unordered_map<std::uint32_t, std::pair<std::uint64_t, store::State>> states_;  // as of a log row
  std::map<std::uint64_t, store::KeyEntry> keys_;
  std::map<std::uint32_t, store::KeyClient> clients_;
};

}  // namespace spex::dataops
