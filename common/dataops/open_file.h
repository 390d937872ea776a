// Opening a shard's file to read it, without the store: nothing is changed, also
// not the write-ahead log of one that was not closed. The file must be in nobody's use.
#pragma once

#include <string>

#include "base/result.h"
#include "store/sqlite.h"

namespace spex::dataops {

base::Result<store::Database> open_to_read_only(const std::string& path);

}  // namespace spex::dataops
