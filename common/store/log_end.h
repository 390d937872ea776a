// LogEnd: where a shard's write-ahead log ends, read without SQLite, which takes the first
// frame that does not fit for the end and forgets what lies behind it. That is right
// for a write that was torn and wrong for a byte that changed: what comes behind was acknowledged.
//
// Told apart so: with full durability, or while the machine has not lost power, commits
// reach the disk in order, so that only the newest transaction can be torn. A commit
// of the same generation of the log (its salts) with more behind it, all behind a frame that does
// not fit, is therefore damage. In the newest transaction damage and a torn write look the same.
// With durability `process` a loss of power may leave any hole; that is not damage.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace spex::store {

struct LogEnd {
  std::uint64_t frames = 0;  // up to the newest commit that counts
  bool has_tail = false;     // something lies behind it that does not count
  std::string damage;        // what was found, in words; empty: nothing
};

// Of the write-ahead log beside the file, if there is one. Fails only if it cannot be read.
base::Result<LogEnd> find_log_end(const std::string& path);

// `shard_<n>.lock` for `shard_<n>.sqlite`.
std::string lock_path(const std::string& path);
// What the lock file says while a shard uses the file: that it was created, with which durability it is
// written, and since which start of the machine.
std::string lock_note(bool full_durability);

}  // namespace spex::store
