#include "store/event_log.h"

#include "store/record.h"

namespace spex::store {

using base::Reason;
using base::Result;

Result<std::unique_ptr<EventLog>> EventLog::load(Database& database) {
  std::unique_ptr<EventLog> log(new EventLog(database));
  SPEX_TRY_ASSIGN(log->insert_,
                  Statement::prepare(database, "INSERT INTO events VALUES(?1,?2,?3,?4,?5)", Reason::storage_insert));
  SPEX_TRY_ASSIGN(
      log->select_,
      Statement::prepare(database, "SELECT n, at, checksum, body FROM events WHERE n>?1 ORDER BY n LIMIT ?2"));
  SPEX_TRY_ASSIGN(log->oldest_,
                  Statement::prepare(database, "SELECT n, at, total, length(body) FROM events ORDER BY n LIMIT ?1"));
  SPEX_TRY_ASSIGN(log->remove_, Statement::prepare(database, "DELETE FROM events WHERE n<?1", Reason::storage_delete));
  SPEX_TRY_ASSIGN(Statement newest,
                  Statement::prepare(database, "SELECT n, total FROM events ORDER BY n DESC LIMIT 1"));
  SPEX_TRY_ASSIGN(const bool row, newest.step());
  if (row) {
    log->last_ = newest.unsigned_integer(0);
    log->total_ = newest.unsigned_integer(1);
  }
  SPEX_TRY(log->find_first());
  return log;
}

Result<void> EventLog::find_first() {
  const ResetAtEnd reset(oldest_);
  SPEX_TRY_ASSIGN(const bool row, oldest_.bind(1, std::int64_t{1}).step());
  if (!row) return {};
  first_ = oldest_.unsigned_integer(0);
  first_at_ = oldest_.integer(1);
  before_first_ = oldest_.unsigned_integer(2) - oldest_.unsigned_integer(3);
  return {};
}

Result<std::uint64_t> EventLog::append(base::Timestamp at, std::string_view body) {
  SPEX_TRY(insert(last_ + 1, at, body));
  return last_;
}

Result<void> EventLog::import(const StoredEvent& event) {
  if (event.number == 0 || (last_ && event.number != last_ + 1)) {
    return base::fail(Reason::invalid_argument,
                      "event " + std::to_string(event.number) + " does not follow event " + std::to_string(last_));
  }
  return insert(event.number, event.at, event.body);
}

Result<void> EventLog::insert(std::uint64_t number, base::Timestamp at, std::string_view body) {
  SPEX_TRY(insert_.bind(1, number)
               .bind(2, at)
               .bind(3, total_ + body.size())
               .bind(4, checksum32(as_bytes(body), number ^ static_cast<std::uint64_t>(at)))
               .bind(5, body)
               .execute());
  if (!first_) {
    first_ = number;
    first_at_ = at;
    before_first_ = total_;
  }
  last_ = number;
  total_ += body.size();
  return {};
}

Result<std::vector<StoredEvent>> EventLog::read(std::uint64_t after, std::size_t limit, std::uint64_t& damaged) {
  return read_row_by_row(database_, [&] { return read_rows(after, limit, damaged); });
}

Result<std::vector<StoredEvent>> EventLog::read_rows(std::uint64_t after, std::size_t limit, std::uint64_t& damaged) {
  const ResetAtEnd reset(select_);
  std::vector<StoredEvent> events;
  select_.bind(1, after).bind(2, static_cast<std::uint64_t>(limit));
  while (true) {
    SPEX_TRY_ASSIGN(const bool row, select_.step());
    if (!row) return events;
    const std::uint64_t seed = select_.unsigned_integer(0) ^ select_.unsigned_integer(1);
    if (checksum32(select_.bytes(3), seed) != select_.unsigned_integer(2)) {
      ++damaged;
      continue;
    }
    events.push_back({select_.unsigned_integer(0), select_.integer(1), std::string(as_text(select_.bytes(3)))});
  }
}

bool EventLog::is_due(base::Timestamp before, std::uint64_t bytes_max) const {
  return first_ < last_ && (first_at_ < before || total_ - before_first_ > bytes_max);
}

Result<void> EventLog::prune(base::Timestamp before, std::uint64_t bytes_max) {
  std::uint64_t keep_from = first_;
  {
    const ResetAtEnd reset(oldest_);
    oldest_.bind(1, std::int64_t{kPruneSlice});
    while (true) {
      SPEX_TRY_ASSIGN(const bool row, oldest_.step());
      if (!row || oldest_.unsigned_integer(0) == last_) break;
      const std::uint64_t kept_bytes = total_ - (oldest_.unsigned_integer(2) - oldest_.unsigned_integer(3));
      if (oldest_.integer(1) >= before && kept_bytes <= bytes_max) break;
      keep_from = oldest_.unsigned_integer(0) + 1;
    }
  }
  if (keep_from == first_) return {};
  SPEX_TRY(remove_.bind(1, keep_from).execute());
  return find_first();
}

}  // namespace spex::store
