// repair: puts a new file with all that is sound in the place of a shard's damaged one,
// which is kept beside it.
#pragma once

#include <functional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "dataops/rebuild.h"

namespace spex::dataops {

struct RepairOrder {
  std::string data_dir;
  std::uint32_t shard = 0;
  base::Timestamp now = 0;
};

struct RepairReport {
  bool was_sound = false;             // nothing was done
  bool finished_earlier_one = false;  // its report tells what was saved
  RebuildReport rebuilt;
  std::uint64_t pages = 0;
  std::uint64_t damaged_pages = 0;
  std::string kept_as;      // the damaged file
  std::string report_file;  // JSON: what could not be saved
};

// `overloaded` if the directory is in use. Killed before the files are exchanged it has changed nothing; while they
// are, it leaves a journal: spexd does not start, and repeating the command completes it, whatever shard it names.
base::Result<RepairReport> repair(const RepairOrder& order);

protocol::Value repair_document(const RepairReport& report);

}  // namespace spex::dataops
