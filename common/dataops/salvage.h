// Salvage: the rows of a shard's tables out of the sound pages of its file. A page that
// can be reached from the root of a table belongs to it; one that cannot, because what led
// to it is damaged, is told by its rows: those of the log, the archive, the snapshots and
// the events carry checksums that name their place.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "dataops/page_file.h"

namespace spex::dataops {

struct SalvagedShard {
  using Rows = std::map<std::int64_t, Row>;                              // by rowid
  std::map<std::string, Rows> tables;                                    // with rowids
  std::map<std::string, std::vector<Row>> index_tables;                  // without
  std::map<std::pair<std::int64_t, std::int64_t>, std::string> archive;  // (instance, sequence) → body
  std::uint32_t pages = 0;
  std::map<std::string, std::uint32_t> damaged_pages;  // by table; one may stand for all that it leads to
  std::string cut_log;                                 // why commits in the write-ahead log are lost; empty: none are

  const Rows& table(const std::string& name) const;                    // empty if nothing is left of it
  const std::vector<Row>& index_table(const std::string& name) const;  // the same
};

// A column of a row; 0 or empty if it is not there, or of another type.
std::int64_t integer(const Row& row, std::size_t column);
std::string text(const Row& row, std::size_t column);

// `roots`: the root page of each table, as a new file has them; used where the file's own list is damaged.
base::Result<SalvagedShard> salvage(const std::string& path, const std::map<std::string, std::uint32_t>& roots);
// Of a file that is sound.
base::Result<std::map<std::string, std::uint32_t>> table_roots(const std::string& path);

}  // namespace spex::dataops
