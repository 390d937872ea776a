// A data directory with shards as a cluster leaves them: instances of all kinds,
// request keys, models, events, bulk jobs; and what a client would see of it.
#pragma once

#include <catch2/catch.hpp>
#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include "config/cluster_layout.h"
#include "dataops/data_directory.h"
#include "protocol/codec.h"
#include "protocol/identifier.h"
#include "store/instance_store.h"
#include "tests/common/store/store_fixture.h"

namespace spex::dataops::testing {

using store::testing::kEpoch;
using store::testing::succeed;
using store::testing::value_of;

inline std::string identifier(int number) { return protocol::encode_value("case-" + std::to_string(number)); }

class DataFixture {
 public:
  explicit DataFixture(std::uint32_t shards) : layout_(config::ClusterLayout::create(shards)) {
    succeed(config::save_layout(path(), layout_));
  }

  std::string path() const { return directory_.file("data"); }
  std::string file(const std::string& name) const { return directory_.file(name); }
  config::ClusterLayout layout() const { return value_of(config::load_layout(path())); }

  std::unique_ptr<store::InstanceStore> open(std::uint32_t shard) const { return open(path(), shard); }
  static std::unique_ptr<store::InstanceStore> open(const std::string& path, std::uint32_t shard) {
    store::StoreOptions options;
    options.path = DataDirectory::shard_file(path, shard);
    options.shard = base::ShardId(shard);
    options.cluster_id = value_of(config::load_layout(path)).cluster_id;
    options.request_keys_max = 10'000;
    options.snapshot_every = 4;
    options.full_durability = false;
    options.now = kEpoch;
    return value_of(store::InstanceStore::open(std::move(options)));
  }

  // `count` instances, every fifth mocked, every seventh without meta; the first of each shard has a long history,
  // part of it in the archive; every third made with a request key; some deleted, some with a timeout reported.
  void fill(int count, std::uint32_t long_history = 400);

 private:
  struct MakeDirectory {
    explicit MakeDirectory(const std::string& path) { std::filesystem::create_directory(path); }
  };
  store::testing::TempDirectory directory_;
  MakeDirectory made_{directory_.file("data")};
  config::ClusterLayout layout_;
};

// All that clients could ask for, by identifier; numbers of shards do not matter.
std::map<std::string, std::string> contents(const std::string& path);

void require_sound(const std::string& path);  // by verify()

// Ends a child process at its n-th step by SIGKILL; false if it got to its end before.
bool killed_at_step(int n, const std::function<void()>& work);

}  // namespace spex::dataops::testing
