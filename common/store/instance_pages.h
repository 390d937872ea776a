// All rows of the table `instances`, without their meta, as fast as their pages can be
// read: SQLite is asked for the first row behind those known, and the page that it reads for that, from the file
// or its log, is taken apart here instead of being stepped over row by row (a third of the time).
// Which pages these are, and which of their versions, SQLite alone decides; that none is missing is proven by
// the row that it found: it is the page's first. Pages can be taken apart by another thread than reads them
// (identifier_load.h). A row that needs more than its page is read by itself. Format:
// https://www.sqlite.org/fileformat2.html. Used by recovery, which steps over the rows where anything is unusual.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "store/instance_row.h"
#include "store/sqlite.h"

namespace spex::store {

inline constexpr std::size_t kInstancePageBytes = 4'096;

struct StoredInstance {
  InstanceRow row;
  std::int64_t checksum = 0;
};

// The columns of stored_instance().
inline constexpr const char* kInstanceRows = "SELECT number, id, spec, created, base_state, checksum FROM instances";
// A row of such a statement, valid until its next step; nothing if a number is not one of its kind.
std::optional<StoredInstance> stored_instance(const Statement& row);

// Shows some rows; what they point to is valid during the call. False ends it.
using SeeInstances = std::function<bool(std::span<const StoredInstance>)>;

// Reads the pages one after the other. Nothing else may read the rows of `instances` meanwhile.
class InstancePageReader {
 public:
  static base::Result<InstancePageReader> begin(Database& database);
  // The next page into `page`, which has room for one; false if there is none.
  base::Result<bool> next(std::uint8_t* page);
  // Bytes of a page that are SQLite's.
  std::size_t usable() const { return usable_; }

 private:
  InstancePageReader(Database& database, Statement first_from);
  Database* database_;
  Statement first_from_;  // the first row from a number on
  std::size_t usable_;
  std::uint64_t newest_ = 0;  // number, of the pages so far
};

// Takes pages apart, in their order.
class InstancePages {
 public:
  InstancePages(std::size_t usable, SeeInstances see) : usable_(usable), see_(std::move(see)) {}
  // False if anything is unusual, or `see` wants no more: then nothing that it was shown may be used, and
  // the rows have to be read in another way.
  bool take(Bytes page);
  // Shows the rows that are not in their page as a whole, when all pages were taken.
  bool see_apart(Database& database) const;

 private:
  bool take_cell(Bytes page, std::size_t at);
  bool take_record(Bytes record, std::uint32_t number);

  std::size_t usable_;
  SeeInstances see_;
  std::vector<StoredInstance> rows_;
  std::vector<std::uint32_t> apart_;
  std::uint64_t newest_ = 0;
};

}  // namespace spex::store
