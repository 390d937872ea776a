#include "dataops/log_walk.h"

#include <string>

#include "store/archive_record.h"

namespace spex::dataops {
namespace {

using base::Reason;
using base::Result;
using store::Address;
using store::LogRecord;
using store::RecordKind;
using store::Statement;

std::string of_instance(std::uint32_t number) { return " of instance number " + std::to_string(number); }

}  // namespace

Result<void> LogWalk::read_archive(store::Database& database) {
  SPEX_TRY_ASSIGN(
      Statement rows,
      Statement::prepare(database, "SELECT instance, sequence, body FROM archive ORDER BY instance, sequence",
                         Reason::storage_scan));
  while (true) {
    SPEX_TRY_ASSIGN(const bool row, rows.step());
    if (!row) return {};
    const auto number = static_cast<std::uint32_t>(rows.integer(0));
    const auto sequence = static_cast<std::uint32_t>(rows.integer(1));
    const auto records = store::decode_archive_body(number, sequence, rows.bytes(2));
    if (!records || records->empty()) {
      findings_.add("damaged are the archived records up to " + std::to_string(sequence) + of_instance(number));
      continue;
    }
    ArchiveStory& story = archive_[number];
    if (sequence != story.records + records->size()) {
      findings_.add("the archive has a gap before record " + std::to_string(sequence - records->size() + 1) +
                    of_instance(number));
    }
    for (auto record = records->rbegin(); record != records->rend(); ++record) {
      if (record->at < story.at) findings_.add("a record is older than the one before it" + of_instance(number));
      story.at = record->at;
      story.state = record->state;
    }
    story.records = sequence;
  }
}

Result<void> LogWalk::read_log(store::Database& database) {
  SPEX_TRY_ASSIGN(Statement rows,
                  Statement::prepare(database, "SELECT n, body FROM log ORDER BY n", Reason::storage_scan));
  while (true) {
    SPEX_TRY_ASSIGN(const bool row, rows.step());
    if (!row) break;
    const std::uint64_t n = rows.unsigned_integer(0);
    if (last_row_ && n != last_row_ + 1) {
      findings_.add("log rows " + std::to_string(last_row_ + 1) + " to " + std::to_string(n - 1) + " are missing");
    }
    take_row(n, rows.bytes(1));
    last_row_ = n;
  }
  if (first_row_ > position_.first) {
    findings_.add("the log begins with row " + std::to_string(first_row_) + ", the archive ends before row " +
                  std::to_string(position_.first));
  }
  return {};
}

void LogWalk::take_row(std::uint64_t row, store::Bytes body) {
  store::RowReader reader(row, body);
  if (!reader.is_sound()) findings_.add("log row " + std::to_string(row) + " is damaged");
  if (!reader.has_header()) return;
  const store::RowHeader header = reader.header();
  if (first_row_ == 0) {
    first_row_ = row;
    first_key_ = header.key_position;
    records_before_ = header.records_before;
  } else if (reader.is_sound() && (header.key_position != next_key() || header.records_before != records_before_)) {
    findings_.add("log row " + std::to_string(row) + " does not continue the one before it");
  }
  key_tail_ = header.key_tail;
  while (!reader.at_end()) {
    const Address address = reader.position();
    const auto record = reader.next();
    if (!record) {
      findings_.add("a record is damaged in log row " + std::to_string(row) + ", at byte " +
                    std::to_string(store::offset_of(address)));
      return;
    }
    ++records_before_;
    take(*record, address);
  }
}

void LogWalk::take(const LogRecord& record, Address address) {
  if (record.keyed) keys_.push_back({address, record.key_number, record.client_slot, record.fingerprint});
  if (record.kind == RecordKind::client_assigned || record.kind == RecordKind::floor_raised) return;
  if (record.kind == RecordKind::remembered) return;
  if (record.number >= stories_.size()) stories_.resize(std::size_t{record.number} + 1);
  LogStory& story = stories_[record.number];
  switch (record.kind) {
    case RecordKind::creation:
      if (story.heard && story.living) findings_.add("created while it is there" + of_instance(record.number));
      story = LogStory();
      story.born = address;
      story.living = true;
      story.specification = record.specification;
      take_history(story, record, address);
      break;
    case RecordKind::mock:
      story = LogStory();
      story.born = address;
      story.living = true;
      story.specification = record.specification;
      story.state = record.state;
      story.at = record.at;
      break;
    case RecordKind::transition:
      if (story.heard && !story.living) findings_.add("a record follows the removal" + of_instance(record.number));
      story.living = true;
      take_history(story, record, address);
      break;
    case RecordKind::removal:
      if (story.heard && !story.living) findings_.add("removed twice" + of_instance(record.number));
      story = LogStory();
      break;
    case RecordKind::timeout_reported:
      story.timeout_reported = true;
      story.living = true;
      break;
    case RecordKind::remembered:
    case RecordKind::client_assigned:
    case RecordKind::floor_raised:
      break;
  }
  story.heard = true;
}

void LogWalk::take_history(LogStory& story, const LogRecord& record, Address address) {
  if (record.kind == RecordKind::transition) {
    const Address before = record.back ? address - record.back : 0;
    const bool follows =
        story.head ? before == story.head : (story.born ? before == 0 : before < first_row_ << store::kOffsetBits);
    if (record.back > address || !follows) {
      findings_.add("a record does not follow the one before it" + of_instance(record.number));
    }
    if (story.at > record.at) findings_.add("a record is older than the one before it" + of_instance(record.number));
  }
  story.head = address;
  story.state = record.state;
  story.at = record.at;
  story.timeout_reported = false;
  ++story.records;
  if (address >= position_.boundary(record.number)) ++story.records_to_count;
}

}  // namespace spex::dataops
