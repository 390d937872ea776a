#include "store/archive_record.h"

namespace spex::store {
namespace {

std::uint64_t seed(std::uint32_t number, std::uint32_t sequence) { return std::uint64_t{number} << 32 | sequence; }

}  // namespace

// checksum 4, number of records, then per record: action · 2 + has occurred_at, state,
// time before the previous one's, occurred_at relative to it.
std::vector<std::uint8_t> encode_archive_body(std::uint32_t number, std::uint32_t sequence,
                                              const std::vector<ArchivedRecord>& newest_first) {
  std::vector<std::uint8_t> body(4 + kVarintMax + newest_first.size() * kArchivedRecordMax);
  std::uint8_t* to = put_varint(&body[4], newest_first.size());
  std::int64_t before = 0;
  for (const ArchivedRecord& record : newest_first) {
    to = put_varint(to, std::uint64_t{record.action} << 1 | (record.occurred_at ? 1 : 0));
    to = put_varint(to, record.state);
    to = put_varint(to, zigzag(time_difference(before, record.at)));
    if (record.occurred_at) to = put_varint(to, zigzag(time_difference(*record.occurred_at, record.at)));
    before = record.at;
  }
  body.resize(static_cast<std::size_t>(to - body.data()));
  put_word(body.data(), checksum32(Bytes(body).subspan(4), seed(number, sequence)));
  return body;
}

std::optional<std::vector<ArchivedRecord>> decode_archive_body(std::uint32_t number, std::uint32_t sequence,
                                                               Bytes body) {
  if (body.size() < 5 || get_word<std::uint32_t>(body.data()) != checksum32(body.subspan(4), seed(number, sequence))) {
    return std::nullopt;
  }
  ByteReader in(body, 4);
  const std::uint64_t count = in.varint();
  if (count > sequence || count > body.size()) return std::nullopt;
  std::vector<ArchivedRecord> records(count);
  std::int64_t before = 0;
  for (ArchivedRecord& record : records) {
    const std::uint64_t action = in.varint();
    record.action = static_cast<std::uint32_t>(action >> 1);
    record.state = in.varint32();
    record.at = before = time_difference(before, in.signed_varint());
    if (action & 1) record.occurred_at = time_plus(record.at, in.signed_varint());
  }
  if (!in.ok() || !in.at_end()) return std::nullopt;
  return records;
}

}  // namespace spex::store
