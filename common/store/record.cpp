#include "store/record.h"

#include "base/assert.h"
#include "base/hash.h"

namespace spex::store {
namespace {

constexpr std::uint8_t kKindMask = 0x0f;
constexpr std::uint8_t kKeyed = 0x10;
constexpr std::uint8_t kSameClient = 0x20;  // as of the keyed record before, in the same row
constexpr std::uint8_t kOccurred = 0x40;
constexpr std::uint8_t kOutcome = 0x80;  // the outcome is not a plain ok

// A record begins with kind and checksum.
constexpr std::size_t kRecordHeaderBytes = 3;

// Over all but the checksum itself; the address and the row's base time are part of it, since
// a record in another place or with other times is not that record.
std::uint16_t record_checksum(const std::uint8_t* begin, const std::uint8_t* end, Address address,
                              std::int64_t base_time) {
  const std::uint64_t seed = (address << 8 | begin[0]) ^ (static_cast<std::uint64_t>(base_time) * 0x9E3779B97F4A7C15U);
  const Bytes body{begin + kRecordHeaderBytes, end};
  return static_cast<std::uint16_t>(base::hash64(as_text(body), seed) >> 24);
}

bool has_time(RecordKind kind) {
  return kind != RecordKind::timeout_reported && kind != RecordKind::client_assigned &&
         kind != RecordKind::floor_raised;
}

}  // namespace

std::uint32_t checksum32(Bytes bytes, std::uint64_t seed) {
  return static_cast<std::uint32_t>(base::hash64(as_text(bytes), seed) >> 16);
}

RowBuffer::RowBuffer(std::uint64_t row, const RowHeader& header) : row_(row), base_time_(header.base_time) {
  put_word(&bytes_[12], header.base_time);
  put_word(&bytes_[20], header.key_position);
  put_word(&bytes_[44], header.records_before);
}

void RowBuffer::add(const LogRecord& record) {
  std::uint8_t* const begin = &bytes_[size_];
  const bool same_client = record.keyed && has_key_ && record.client_slot == last_slot_;
  const bool has_outcome = record.keyed && (record.reason || record.reported || record.model_was_missing);
  *begin = static_cast<std::uint8_t>(static_cast<std::uint8_t>(record.kind) | (record.keyed ? kKeyed : 0) |
                                     (same_client ? kSameClient : 0) | (record.occurred_at ? kOccurred : 0) |
                                     (has_outcome ? kOutcome : 0));
  std::uint8_t* to = put_varint(begin + kRecordHeaderBytes, record.number);
  if (record.keyed) to = add_key(to, record);
  to = add_body(to, record);
  put_word(begin + 1, record_checksum(begin, to, next_address(), base_time_));
  size_ = static_cast<std::size_t>(to - bytes_.data());
  SPEX_ASSERT(size_ <= kRowMax);
  ++records_;
}

std::uint8_t* RowBuffer::add_key(std::uint8_t* to, const LogRecord& record) {
  if (has_key_ && record.client_slot == last_slot_) {
    to = put_varint(to, zigzag(difference(record.key_number, last_key_number_)));
  } else {
    to = put_varint(to, record.client_slot);
    to = put_varint(to, zigzag(difference(record.key_number, static_cast<std::uint64_t>(base_time_))));
  }
  has_key_ = true;
  last_slot_ = record.client_slot;
  last_key_number_ = record.key_number;
  to = put_word(to, record.fingerprint);
  to = put_varint(to, record.sequence);
  if (!record.reason && !record.reported && !record.model_was_missing) return to;
  *to++ = record.reason;
  *to++ = record.reported;
  *to++ = record.model_was_missing ? 1 : 0;
  return to;
}

std::uint8_t* RowBuffer::add_body(std::uint8_t* to, const LogRecord& record) const {
  if (has_time(record.kind)) to = put_varint(to, zigzag(time_difference(record.at, base_time_)));
  switch (record.kind) {
    case RecordKind::transition:
    case RecordKind::creation:
      to = put_varint(to, record.action);
      to = put_varint(to, record.state);
      if (record.occurred_at) to = put_varint(to, zigzag(time_difference(*record.occurred_at, record.at)));
      return put_varint(to, record.kind == RecordKind::creation ? record.specification : record.back);
    case RecordKind::mock:
      return put_varint(put_varint(to, record.state), record.specification);
    case RecordKind::client_assigned:
      return put_varint(put_word(to, record.client), record.key_number);
    case RecordKind::floor_raised:
      return put_varint(to, zigzag(difference(record.key_number, static_cast<std::uint64_t>(base_time_))));
    case RecordKind::removal:
    case RecordKind::remembered:
    case RecordKind::timeout_reported:
      return to;
  }
  return to;
}

Bytes RowBuffer::finish(std::uint64_t replay_from, std::uint64_t key_tail, std::uint64_t floor_of_all) {
  put_word(&bytes_[4], replay_from);
  put_word(&bytes_[28], key_tail);
  put_word(&bytes_[36], floor_of_all);
  put_word(&bytes_[0], checksum32(bytes().subspan(4), row_));
  return bytes();
}

RowReader::RowReader(std::uint64_t row, Bytes body)
    : RowReader(
          row, body,
          body.size() >= kRowHeaderBytes && get_word<std::uint32_t>(body.data()) == checksum32(body.subspan(4), row)) {}

RowReader::RowReader(std::uint64_t row, Bytes body, bool sound) : row_(row), body_(body), sound_(sound) {
  if (has_header()) base_time_ = get_word<std::int64_t>(&body_[12]);
}

RowHeader RowReader::header() const {
  return {get_word<std::uint64_t>(&body_[4]),  base_time_,
          get_word<std::uint64_t>(&body_[20]), get_word<std::uint64_t>(&body_[28]),
          get_word<std::uint64_t>(&body_[36]), get_word<std::uint64_t>(&body_[44])};
}

std::optional<LogRecord> RowReader::at(std::size_t offset) {
  at_ = offset;
  return next();
}

std::optional<LogRecord> RowReader::next() {
  if (at_ < kRowHeaderBytes || at_ + kRecordHeaderBytes >= body_.size()) return std::nullopt;
  const std::uint8_t* const begin = &body_[at_];
  const std::uint8_t flags = *begin;
  LogRecord record;
  record.kind = static_cast<RecordKind>(flags & kKindMask);
  if (record.kind < RecordKind::transition || record.kind > RecordKind::floor_raised) return std::nullopt;
  ByteReader in(body_, at_ + kRecordHeaderBytes);
  record.number = in.varint32();
  record.keyed = flags & kKeyed;
  if (record.keyed) read_key(in, record, flags & kSameClient, flags & kOutcome);
  read_body(in, record, flags & kOccurred);
  if (!in.ok()) return std::nullopt;
  if (!sound_ &&
      get_word<std::uint16_t>(begin + 1) != record_checksum(begin, &body_[0] + in.position(), position(), base_time_)) {
    return std::nullopt;
  }
  at_ = in.position();
  return record;
}

void RowReader::read_key(ByteReader& in, LogRecord& record, bool same_client, bool has_outcome) {
  if (!same_client) {
    last_slot_ = in.varint32();
    last_key_number_ = static_cast<std::uint64_t>(base_time_);
  }
  record.client_slot = last_slot_;
  record.key_number = last_key_number_ += static_cast<std::uint64_t>(in.signed_varint());
  record.fingerprint = in.word<std::uint32_t>();
  record.sequence = in.varint32();
  if (!has_outcome) return;
  record.reason = in.word<std::uint8_t>();
  record.reported = in.word<std::uint8_t>();
  record.model_was_missing = in.word<std::uint8_t>() != 0;
}

void RowReader::read_body(ByteReader& in, LogRecord& record, bool has_occurred) const {
  if (has_time(record.kind)) record.at = time_plus(base_time_, in.signed_varint());
  switch (record.kind) {
    case RecordKind::transition:
    case RecordKind::creation: {
      record.action = in.varint32();
      record.state = in.varint32();
      if (has_occurred) {
        record.occurred_at = time_plus(record.at, in.signed_varint());
      }
      const std::uint64_t last = in.varint();
      if (record.kind == RecordKind::creation) {
        record.specification = static_cast<std::uint16_t>(last);
      } else {
        record.back = last;
      }
      return;
    }
    case RecordKind::mock:
      record.state = in.varint32();
      record.specification = static_cast<std::uint16_t>(in.varint32());
      return;
    case RecordKind::client_assigned:
      record.client = in.word<std::uint64_t>();
      record.key_number = in.varint();
      return;
    case RecordKind::floor_raised:
      record.key_number = static_cast<std::uint64_t>(base_time_) + static_cast<std::uint64_t>(in.signed_varint());
      return;
    case RecordKind::removal:
    case RecordKind::remembered:
    case RecordKind::timeout_reported:
      return;
  }
}

}  // namespace spex::store
