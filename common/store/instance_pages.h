// All rows of the table `instances`, without their meta, as fast as their pages can be
// read: SQLite counts the rows, for which it reads each page of the table once, from the file or
// its log, and what it reads is taken apart here instead of being stepped over row by row (a
// third of the time). Which pages these are, and which of their versions, SQLite alone decides;
// that none was missed is proven by its count. A row that needs more than its page is read by itself. Format:
// https://www.sqlite.org/fileformat2.html. Used by recovery, which steps over the rows where anything is unusual.
#pragma once

#include <functional>
#include <optional>
#include <span>

#include "store/instance_row.h"
#include "store/sqlite.h"

namespace spex::store {

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

// True if `see` was shown each row once. False if not, for whatever reason: then nothing that it
// was shown may be used, and the rows have to be read in another way.
bool see_all_instances(Database& database, const SeeInstances& see);

}  // namespace spex::store
