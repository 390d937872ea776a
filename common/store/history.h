// HistoryReader: an instance's records, newest first: from the rows of the open
// transaction, from the log along the chain of addresses, and then from the
// archive. Remembers where pages ended, so that reading onward does not walk the
// chain again. A damaged record fails with storage_corrupt, for its instance only.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "store/archive_record.h"
#include "store/catalog.h"
#include "store/memory.h"
#include "store/sqlite.h"

namespace spex::store {

class HistoryReader {
 public:
  static base::Result<std::unique_ptr<HistoryReader>> load(Database& database);

  // Records with sequence < before (0: all), at most `limit`. What lies below
  // `boundary` is in the archive.
  base::Result<std::vector<Record>> read(const Memory& memory, const NameTable& names, std::uint32_t number,
                                         std::uint32_t before, std::size_t limit, Address boundary);

 private:
  explicit HistoryReader(Database& database) : database_(database) {}
  // A row of the file, read and tested. Rows never change and their numbers never come again.
  struct KeptRow {
    std::uint64_t row = 0;
    std::vector<std::uint8_t> body;
    bool sound = false;
  };
  static constexpr std::size_t kRowsKept = 8;
  // A place in a chain: the record with this sequence number lies there.
  struct Place {
    std::uint32_t number = 0;
    std::uint32_t sequence = 0;
    Address born = 0;  // of the instance that had the number
    Address address = 0;
  };
  static constexpr std::size_t kPlaces = 1'024;

  Place& place_of(std::uint32_t number, std::uint32_t sequence);
  Place start(const State& state, std::uint32_t number, std::uint32_t before);
  base::Result<void> walk(const Memory& memory, std::uint32_t number, std::uint32_t skip_from, std::size_t limit,
                          Address boundary, Place& at, std::vector<Record>& records);
  base::Result<LogRecord> log_record(const Memory& memory, Address address);
  base::Result<const KeptRow*> kept_row(std::uint64_t row);
  base::Result<void> read_archive_row(std::uint32_t number, std::uint32_t& from, std::size_t limit,
                                      std::vector<Record>& records);
  base::Result<void> read_archive(std::uint32_t number, std::uint32_t from, std::size_t limit,
                                  std::vector<Record>& records);
  base::Result<bool> is_archived(std::uint32_t number, std::uint32_t sequence);

  Database& database_;
  Statement row_, archive_, archived_;
  std::array<KeptRow, kRowsKept> rows_;
  std::array<Place, kPlaces> places_{};
};

}  // namespace spex::store
