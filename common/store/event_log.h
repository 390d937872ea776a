// EventLog: the shard's numbered events, with a checksum each and a running total
// of bytes, so that their size is known without reading them. Written at once into
// the open transaction.
#pragma once

#include <memory>
#include <vector>

#include "store/instance_store.h"
#include "store/sqlite.h"

namespace spex::store {

class EventLog {
 public:
  static constexpr int kPruneSlice = 256;  // events removed at once

  static base::Result<std::unique_ptr<EventLog>> load(Database& database);
  base::Result<std::uint64_t> append(base::Timestamp at, std::string_view body);
  // With its own number: the next one, or any if there is none yet.
  base::Result<void> import(const StoredEvent& event);
  // Damaged ones are left out, and counted in `damaged`.
  base::Result<std::vector<StoredEvent>> read(std::uint64_t after, std::size_t limit, std::uint64_t& damaged);
  // Whether prune() would remove anything.
  bool is_due(base::Timestamp before, std::uint64_t bytes_max) const;
  base::Result<void> prune(base::Timestamp before, std::uint64_t bytes_max);
  std::uint64_t first() const { return first_; }
  std::uint64_t last() const { return last_; }

 private:
  explicit EventLog(Database& database) : database_(database) {}
  base::Result<void> find_first();
  base::Result<std::vector<StoredEvent>> read_rows(std::uint64_t after, std::size_t limit, std::uint64_t& damaged);
  base::Result<void> insert(std::uint64_t number, base::Timestamp at, std::string_view body);

  Database& database_;
  Statement insert_, select_, oldest_, remove_;
  std::uint64_t first_ = 0;  // 0: none
  std::uint64_t last_ = 0;
  base::Timestamp first_at_ = 0;
  std::uint64_t before_first_ = 0;  // total of bytes before the first one
  std::uint64_t total_ = 0;         // and up to the last one
};

}  // namespace spex::store
