// A directory for one test, options of a small store in it, and short forms.
#pragma once

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "store/instance_store.h"

namespace spex::store::testing {

class TempDirectory {
 public:
  TempDirectory() {
    // In memory where there is such a place: a unit test need not wait for a disk.
    std::error_code ignored;
    const bool in_memory = std::filesystem::is_directory("/dev/shm", ignored);
    const std::filesystem::path parent = in_memory ? "/dev/shm" : std::filesystem::temp_directory_path();
    std::string pattern = (parent / "spex-store-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;
  ~TempDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline constexpr base::Timestamp kEpoch = 1'790'000'000'000'000;

// Small bounds, so that chunks, checkpoints and evictions happen in short tests.
inline StoreOptions small_options(const TempDirectory& directory) {
  StoreOptions options;
  options.path = directory.file("shard_3.sqlite");
  options.shard = base::ShardId(3);
  options.cluster_id = "test-cluster";
  options.request_keys_max = 64;
  options.checkpoint_pages = 50;
  options.snapshot_every = 4;
  options.now = kEpoch;
  return options;
}

template <typename T>
T value_of(base::Result<T> result) {
  if (!result) FAIL(base::to_string(result.error()));
  return std::move(result).value();
}
inline void succeed(const base::Result<void>& result) {
  if (!result) FAIL(base::to_string(result.error()));
}

inline std::unique_ptr<InstanceStore> open_store(const StoreOptions& options) {
  return value_of(InstanceStore::open(options));
}

}  // namespace spex::store::testing
