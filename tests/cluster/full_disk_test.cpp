// A full disk and a read-only one, each a small file system of its own: answered
// errors, reads go on, recovery when the cause is gone (semantics §12).
#include <signal.h>
#include <sys/mount.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <iostream>

#include "support/cluster.h"

namespace spex::test {
namespace {

ClusterOptions with_order(unsigned shards = 1) {
  ClusterOptions options;
  options.shards = shards;
  options.specs = {{"order.spec", order_specification()}};
  options.models = {{"order.spex", order_model()}};
  return options;
}

// A small file system of its own, where the machine lets us mount one.
class SmallDisk {
 public:
  explicit SmallDisk(const std::string& size) {
    mounted_ = ::mount("spex-test", dir_.path().c_str(), "tmpfs", 0, ("size=" + size).c_str()) == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(dir_.path().c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }
  bool resize(const std::string& size) const {
    return ::mount("spex-test", dir_.path().c_str(), "tmpfs", MS_REMOUNT, ("size=" + size).c_str()) == 0;
  }
  const std::string& path() const { return dir_.path(); }

 private:
  TempDir dir_;
  bool mounted_ = false;
};

// The whole program counts as skipped (77) where the machine lacks the facility.
void skip_unless_mounted(const SmallDisk& disk) {
  if (disk.mounted()) return;
  std::cout << "skipped: this machine does not let us mount a file system\n" << std::flush;
  std::_Exit(77);
}

Value ballast(int number) { return Map{{"number", number}, {"text", std::string(20'000, 'x')}}; }

TEST_CASE("a full disk is an answered error; reads go on; with room again it recovers", "[storage]") {
  const SmallDisk disk("6m");
  skip_unless_mounted(disk);
  ClusterOptions options = with_order(2);
  options.data_dir = disk.path();
  options.durability = GENERATE("full", "process");
  // The reserve must hold what a checkpoint may have to write.
  options.arguments = {"--disk-reserve", "512KiB", "--checkpoint-pages", "32"};
  Cluster cluster(std::move(options));
  cluster.start();
  auto client = cluster.client();
  std::vector<int> acknowledged;
  WireReply refusal;
  for (int i = 0; i < 2000 && refusal.error.reason.empty(); ++i) {
    WireReply reply = client->init("order", i, ballast(i));
    REQUIRE(reply.answered);
    if (reply.ok)
      acknowledged.push_back(i);
    else
      refusal = std::move(reply);
  }
  INFO(refusal.text().substr(0, 300));
  CHECK(refusal.refused("StorageError", "full"));
  REQUIRE(acknowledged.size() > 20);

  // Everything that was acknowledged can be read while the disk is full.
  for (const int id : acknowledged) {
    const WireReply got = client->get(id);
    INFO("instance " << id << ": " << got.text().substr(0, 300));
    REQUIRE(got.ok);
    CHECK(at(at(got.body, "meta"), "number") == Value(id));
  }
  CHECK(size_of(client->all().body) == acknowledged.size());
  for (unsigned shard = 1; shard <= 2; ++shard) CHECK(cluster.incarnation("shard-" + std::to_string(shard)) <= 2);

  // The reserve is there for what makes room.
  REQUIRE(client->remove(acknowledged.front()).ok);
  CHECK(client->get(acknowledged.front()).refused("InstanceError", "instance_identifier_not_found"));
  acknowledged.erase(acknowledged.begin());

  REQUIRE(disk.resize("60m"));
  REQUIRE(eventually([&] { return client->init("order", "again").ok; }));
  REQUIRE(eventually([&] { return client->transition(acknowledged.back(), "pay", "paid").ok; }));
  REQUIRE(eventually([&] { return cluster.state() == "ready"; }));
  cluster.stop();
  cluster.start();
  client = cluster.client();
  CHECK(size_of(client->all().body) == acknowledged.size() + 1);
  for (const int id : acknowledged) CHECK(client->get(id).ok);
  cluster.stop();
}

TEST_CASE("a directory that cannot be written says so before READY and is fine afterwards", "[storage]") {
  const SmallDisk disk("8m");
  skip_unless_mounted(disk);
  ClusterOptions options = with_order(1);
  options.data_dir = disk.path();
  options.arguments = {"--disk-reserve", "512KiB"};
  Cluster cluster(std::move(options));
  cluster.start();
  REQUIRE(cluster.client()->init("order", "o").ok);
  cluster.stop();
  REQUIRE(::mount("spex-test", disk.path().c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, nullptr) == 0);
  cluster.start_without_waiting();
  const bool told = eventually([&] {
    return !cluster.supervisor().running() || cluster.log().find("Read-only file system") != std::string::npos;
  });
  CHECK(told);
  CHECK(cluster.log().find("Read-only file system") != std::string::npos);
  CHECK(cluster.state() != "ready");
  if (cluster.supervisor().running()) {
    cluster.supervisor().signal(SIGTERM);
    REQUIRE(cluster.supervisor().wait().has_value());
  }
  REQUIRE(::mount("spex-test", disk.path().c_str(), "tmpfs", MS_REMOUNT, nullptr) == 0);
  cluster.start();
  CHECK(cluster.client()->get("o").ok);
  cluster.stop();
}

}  // namespace
}  // namespace spex::test
