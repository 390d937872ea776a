// Replacing a small file so that readers, and the next start after a crash,
// see either the old or the new content whole.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace spex::config {

enum class Sync : bool { no, yes };  // whether it must survive a loss of power

// Writes `<path>.new`, syncs it, renames it over `path`, syncs the directory.
// Fails with storage_full or storage_io and leaves the old file.
base::Result<void> replace_file(const std::string& path, std::string_view content, Sync sync);

}  // namespace spex::config
