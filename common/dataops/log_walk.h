// LogWalk: what the rows of a shard's log and archive say by themselves, read from
// the first to the last by code that shares nothing with the store's recovery but the
// record format. Used to check the store's view and to salvage a damaged file.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "dataops/findings.h"
#include "store/record.h"
#include "store/sqlite.h"

namespace spex::dataops {

// An instance number as the log tells its story.
struct LogStory {
  store::Address born = 0;             // 0: made before the log begins, or nothing was heard of it
  store::Address head = 0;             // its newest history record in the log
  std::uint32_t records = 0;           // in the log, of the present owner of the number
  std::uint32_t records_to_count = 0;  // of these, those that are not in the archive too
  std::uint32_t state = 0;
  std::int64_t at = 0;
  std::uint16_t specification = 0;
  bool heard = false;   // there is a record of it
  bool living = false;  // as of the last record
  bool timeout_reported = false;
};

struct ArchiveStory {
  std::uint32_t records = 0;
  std::uint32_t state = 0;  // of the newest one
  std::int64_t at = 0;
};

struct KeyStory {
  store::Address address = 0;
  std::uint64_t number = 0;
  std::uint32_t client_slot = 0;
  std::uint32_t fingerprint = 0;
};

// How far archiving has come (the row of the table `tail`).
struct ArchivePosition {
  std::uint64_t first = 1;
  std::uint64_t segment_end = 1;
  std::uint32_t cursor = 0;
  std::uint64_t archived = 0;
  store::Address boundary(std::uint32_t number) const {
    return (number < cursor ? segment_end : first) << store::kOffsetBits;
  }
};

class LogWalk {
 public:
  LogWalk(const ArchivePosition& position, Findings& findings) : position_(position), findings_(findings) {}

  base::Result<void> read_archive(store::Database& database);
  base::Result<void> read_log(store::Database& database);

  const LogStory& story(std::uint32_t number) const {
    static const LogStory kNone;
    return number < stories_.size() ? stories_[number] : kNone;
  }
  const ArchiveStory& archived(std::uint32_t number) const {
    static const ArchiveStory kNone;
    const auto found = archive_.find(number);
    return found == archive_.end() ? kNone : found->second;
  }
  const std::unordered_map<std::uint32_t, ArchiveStory>& archive() const { return archive_; }
  const std::vector<KeyStory>& keys() const { return keys_; }  // that of position first_key() first
  std::uint64_t first_key() const { return first_key_; }
  std::uint64_t next_key() const { return first_key_ + keys_.size(); }
  std::uint64_t first_row() const { return first_row_; }
  std::uint64_t last_row() const { return last_row_; }
  std::uint64_t key_tail() const { return key_tail_; }  // of the newest row
  std::uint32_t highest_number() const {
    return stories_.empty() ? 0 : static_cast<std::uint32_t>(stories_.size() - 1);
  }

 private:
  void take_row(std::uint64_t row, store::Bytes body);
  void take(const store::LogRecord& record, store::Address address);
  void take_history(LogStory& story, const store::LogRecord& record, store::Address address);

  ArchivePosition position_;
  Findings& findings_;
  std::vector<LogStory> stories_;
  std::unordered_map<std::uint32_t, ArchiveStory> archive_;
  std::vector<KeyStory> keys_;
  std::uint64_t first_key_ = 1;
  std::uint64_t first_row_ = 0;
  std::uint64_t last_row_ = 0;
  std::uint64_t records_before_ = 0;
  std::uint64_t key_tail_ = 1;
};

}  // namespace spex::dataops
