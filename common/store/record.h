// The log's rows and records, byte by byte. A row: header, then records up to
// kRowMax; it fits a page. A record: kind and flags, checksum of 16 bits, then
// varints. The row's checksum (32 bits) finds damage; the records' own ones tell
// which records it has hit, so that only their instances become unavailable.
//
// Address of a record: row number · 4096 + offset in the row. Each history record
// knows how far back its instance's previous one lies; 0: it is the first.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "store/sqlite.h"
#include "store/varint.h"

namespace spex::store {

using Address = std::uint64_t;
inline constexpr unsigned kOffsetBits = 12;
inline constexpr std::uint64_t row_of(Address address) { return address >> kOffsetBits; }
inline constexpr std::size_t offset_of(Address address) { return address & ((1U << kOffsetBits) - 1); }

enum class RecordKind : std::uint8_t {
  transition = 1,
  creation = 2,          // the first history record of a new instance
  mock = 3,              // a new or replaced instance without history
  removal = 4,           //
  remembered = 5,        // the outcome of a keyed request that changed nothing
  timeout_reported = 6,  // for the instance's newest record
  client_assigned = 7,   // a slot of the client table has a new owner
  floor_raised = 8,      // of the client in a slot
};

struct LogRecord {
  RecordKind kind = RecordKind::transition;
  std::uint32_t number = 0;  // instance; slot of the client table for the last two kinds
  std::int64_t at = 0;

  std::uint32_t action = 0;  // transition, creation
  std::uint32_t state = 0;   // and mock
  std::optional<std::int64_t> occurred_at;
  std::uint64_t back = 0;           // transition
  std::uint16_t specification = 0;  // creation, mock

  bool keyed = false;
  std::uint32_t client_slot = 0;
  std::uint64_t key_number = 0;  // floor_raised, client_assigned: the floor
  std::uint32_t fingerprint = 0;
  std::uint32_t sequence = 0;
  std::uint8_t reason = 0;
  std::uint8_t reported = 0;
  bool model_was_missing = false;

  std::uint64_t client = 0;  // client_assigned
};

struct RowHeader {
  std::uint64_t replay_from = 0;     // the first row to replay
  std::int64_t base_time = 0;        // times are stored relative to it
  std::uint64_t key_position = 0;    // of the first keyed record of this row, in the key ring
  std::uint64_t key_tail = 0;        // positions below it are forgotten
  std::uint64_t floor_of_all = 0;    // of clients without a slot
  std::uint64_t records_before = 0;  // in all rows before this one, ever
};

inline constexpr std::size_t kRowHeaderBytes = 52;
inline constexpr std::size_t kRowMax = 3'980;
inline constexpr std::size_t kRecordMax = 96;

std::uint32_t checksum32(Bytes bytes, std::uint64_t seed);

// Fills one row.
class RowBuffer {
 public:
  RowBuffer(std::uint64_t row, const RowHeader& header);
  bool has_room() const { return size_ + kRecordMax <= kRowMax; }
  Address next_address() const { return row_ << kOffsetBits | size_; }
  std::uint64_t row() const { return row_; }
  std::uint32_t records() const { return records_; }
  void add(const LogRecord& record);
  // What is known at the commit only; computes the checksum. The row is complete then.
  Bytes finish(std::uint64_t replay_from, std::uint64_t key_tail, std::uint64_t floor_of_all);
  Bytes bytes() const { return {bytes_.data(), size_}; }

 private:
  std::uint8_t* add_key(std::uint8_t* to, const LogRecord& record);
  std::uint8_t* add_body(std::uint8_t* to, const LogRecord& record) const;

  std::array<std::uint8_t, kRowMax> bytes_;
  std::size_t size_ = kRowHeaderBytes;
  std::uint64_t row_;
  std::int64_t base_time_;
  std::uint32_t records_ = 0;
  bool has_key_ = false;  // a keyed record is in this row already
  std::uint32_t last_slot_ = 0;
  std::uint64_t last_key_number_ = 0;
};

// Reads one row; `body` must stay.
class RowReader {
 public:
  RowReader(std::uint64_t row, Bytes body);
  // Of a row whose soundness is known.
  RowReader(std::uint64_t row, Bytes body, bool sound);
  // Whether the header is there and the row's checksum is right.
  bool is_sound() const { return sound_; }
  bool has_header() const { return body_.size() >= kRowHeaderBytes; }
  RowHeader header() const;
  Address position() const { return row_ << kOffsetBits | at_; }
  bool at_end() const { return at_ >= body_.size(); }
  // The record at the position, moving past it. Nothing if it is damaged, by its own
  // checksum; the records after it cannot be found then.
  std::optional<LogRecord> next();
  // The record at an offset; its key is not decoded fully.
  std::optional<LogRecord> at(std::size_t offset);

 private:
  void read_key(ByteReader& in, LogRecord& record, bool same_client, bool has_outcome);
  void read_body(ByteReader& in, LogRecord& record, bool has_occurred) const;

  std::uint64_t row_;
  Bytes body_;
  bool sound_;
  std::int64_t base_time_ = 0;
  std::size_t at_ = kRowHeaderBytes;
  std::uint32_t last_slot_ = 0;
  std::uint64_t last_key_number_ = 0;
};

}  // namespace spex::store
