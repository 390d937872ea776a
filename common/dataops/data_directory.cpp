#include "dataops/data_directory.h"

#include "dataops/files.h"

namespace spex::dataops {
namespace {

using base::fail;
using base::Reason;
using base::Result;

std::string shard_path(const std::string& directory, std::uint32_t shard, const char* ending) {
  return directory + "/shard_" + std::to_string(shard) + ending;
}

// Children of a supervisor that was killed may still be ending.
Result<void> check_shards_unlocked(const std::string& path, std::uint32_t shards) {
  for (std::uint32_t shard = 1; shard <= shards; ++shard) {
    const std::string lock = shard_path(path, shard, ".lock");
    if (process::is_locked(lock)) {
      return fail(Reason::overloaded,
                  "use " + path + ": " + lock + " is held by a running shard; stop the cluster first");
    }
  }
  return {};
}

}  // namespace

Result<void> DataDirectory::check_complete(const std::string& path) {
  const auto interrupted = [&](const std::string& what, const std::string& verb) {
    return fail(Reason::overloaded, "use " + path + ": it is in the middle of " + what + "; finish it with `spexctl " +
                                        verb + " --data-dir " + path + "`");
  };
  if (exists(journal_file(path))) return interrupted("a move to another number of shards", "reshard");
  if (exists(repair_journal(path))) return interrupted("a repair", "repair");
  return {};
}

Result<DataDirectory> DataDirectory::open(const std::string& path) {
  SPEX_TRY(check_complete(path));
  return open_interrupted(path);
}

Result<DataDirectory> DataDirectory::open_interrupted(const std::string& path) {
  if (!exists(config::layout_path(path)) && !exists(journal_file(path))) {
    return fail(Reason::invalid_argument,
                path + " is no data directory: there is no file " + config::layout_path(path));
  }
  SPEX_TRY_ASSIGN(auto attempt, process::FileLock::try_acquire(path + "/lock"));
  if (!attempt.lock) {
    const std::string holder = attempt.holder > 0 ? "process " + std::to_string(attempt.holder) : "another process";
    return fail(Reason::overloaded, "use " + path + ": it is in use by " + holder + "; stop the cluster first");
  }
  SPEX_TRY_ASSIGN(auto layout, config::load_layout(path));
  SPEX_TRY(check_shards_unlocked(path, layout.distribution_factor));
  return DataDirectory(path, std::move(layout), std::move(*attempt.lock));
}

std::string DataDirectory::shard_file(const std::string& directory, std::uint32_t shard) {
  return shard_path(directory, shard, ".sqlite");
}

std::string DataDirectory::copy_file(const std::string& directory, std::uint32_t shard) {
  return shard_path(directory, shard, ".backup");
}

std::string DataDirectory::journal_file(const std::string& directory) { return directory + "/reshard"; }

std::string DataDirectory::repair_journal(const std::string& directory) { return directory + "/repair"; }

std::string DataDirectory::decisions(const std::string& directory) { return directory + "/" + std::string(kDecisions); }

bool DataDirectory::is_decision(std::string_view name) {
  return !name.empty() && name.front() != '.' && name.find('/') == std::string_view::npos &&
         !name.starts_with("proposal-");
}

bool DataDirectory::is_path_of_decision(std::string_view path) {
  return path.size() > kDecisions.size() && path.starts_with(kDecisions) && path[kDecisions.size()] == '/' &&
         is_decision(path.substr(kDecisions.size() + 1));
}

std::string DataDirectory::manifest_file(const std::string& directory) { return directory + "/manifest.json"; }

}  // namespace spex::dataops
