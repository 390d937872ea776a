// Files that cannot grow and damaged files: answered errors, the others serve,
// recovery when the cause is gone; never a crash loop that hides it (semantics §12).
#include <signal.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "protocol/json.h"
#include "store/sqlite.h"
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

// What is done to each page that holds the text.
void change_pages_with(const std::string& file, const std::string& text,
                       const std::function<void(std::string& content, std::size_t page, std::size_t at)>& change) {
  std::string content = read_whole_file(file);
  std::size_t changed = 0;
  for (std::size_t at = content.find(text); at != std::string::npos; at = content.find(text, at + 1), ++changed) {
    change(content, at / 4096 * 4096, at);
  }
  REQUIRE(changed > 0);
  write_whole_file(file, content);
}

Value ballast(int number) { return Map{{"number", number}, {"text", std::string(20'000, 'x')}}; }

TEST_CASE("a limit on the size of files is an answered error as well", "[storage]") {
  ClusterOptions options = with_order(1);
  options.file_bytes_max = 3u << 20;
  options.arguments = {"--disk-reserve", "512KiB"};
  Cluster cluster(std::move(options));
  cluster.start();
  auto client = cluster.client();
  int acknowledged = 0;
  WireReply refusal;
  for (int i = 0; i < 2000 && refusal.error.reason.empty(); ++i) {
    WireReply reply = client->init("order", i, ballast(i));
    REQUIRE(reply.answered);
    if (reply.ok)
      ++acknowledged;
    else
      refusal = std::move(reply);
  }
  INFO(refusal.text().substr(0, 300));
  CHECK(refusal.error.error_class == "StorageError");
  CHECK(acknowledged > 20);
  for (int i = 0; i < acknowledged; ++i) REQUIRE(client->get(i).ok);
  cluster.kill_supervisor();
  cluster.options().file_bytes_max.reset();
  cluster.start();
  client = cluster.client();
  for (int i = 0; i < acknowledged; ++i) REQUIRE(client->get(i).ok);
  CHECK(client->init("order", "again").ok);
  cluster.stop();
}

TEST_CASE("a damaged shard file parks its shard and names the cause; the others serve; mended, it is back",
          "[storage]") {
  struct Damage {
    const char* what;
    std::function<void(const std::string&)> apply;
  };
  const auto damage = GENERATE(
      values<Damage>({{"header zeroed",
                       [](const std::string& file) {
                         std::string content = read_whole_file(file);
                         content.replace(0, 100, std::string(100, '\0'));
                         write_whole_file(file, content);
                       }},
                      {"truncated",
                       [](const std::string& file) {
                         const std::string content = read_whole_file(file);
                         write_whole_file(file, content.substr(0, content.size() / 2));
                       }},
                      {"emptied", [](const std::string& file) { write_whole_file(file, ""); }},
                      {"pages zeroed",
                       [](const std::string& file) {
                         change_pages_with(file, "created", [](std::string& content, std::size_t page, std::size_t) {
                           content.replace(page, 4096, 4096, '\0');
                         });
                       }},
                      {"bits flipped",
                       [](const std::string& file) {
                         change_pages_with(file, "created",
                                           [](std::string& content, std::size_t, std::size_t at) { content[at] ^= 1; });
                       }},
                      {"no database", [](const std::string& file) { write_whole_file(file, "this is no database\n"); }},
                      {"another shard's file", [](const std::string& file) {
                         std::filesystem::copy(file.substr(0, file.size() - 8) + "2.sqlite", file,
                                               std::filesystem::copy_options::overwrite_existing);
                       }}}));
  INFO(damage.what);
  ClusterOptions options = with_order(2);
  options.arguments = {"--max-restarts", "1", "--max-seconds", "60", "--park-retry", "500ms"};
  Cluster cluster(std::move(options));
  cluster.start();
  auto client = cluster.client();
  std::map<unsigned, int> on_shard;
  for (int i = 0; i < 400; ++i) {
    REQUIRE(client->init("order", i).ok);
    on_shard.emplace(cluster.shard_of(i), i);
  }
  cluster.stop();
  const std::string file = cluster.data_dir() + "/shard_1.sqlite";
  const std::string sound = read_whole_file(file);
  damage.apply(file);
  const std::string damaged = read_whole_file(file);

  cluster.start_without_waiting();
  REQUIRE(eventually([&] { return cluster.state() == "degraded" && cluster.phase("shard-2") != "starting"; }));
  INFO(protocol::to_json(cluster.status()));
  REQUIRE(eventually([&] { return client->get(on_shard.at(2)).ok; }));
  CHECK(client->transition(on_shard.at(2), "pay", "paid").ok);
  // Which shards' records cannot be read is told, not guessed.
  const WireReply lost = client->get(on_shard.at(1));
  INFO(lost.text());
  CHECK_FALSE(lost.ok);
  CHECK((lost.error.reason == "shard_unavailable" || lost.error.reason == "corrupt"));
  CHECK(cluster.log().find("shard_1.sqlite") != std::string::npos);
  REQUIRE(eventually([&] { return cluster.phase("shard-1") == "parked"; }));
  const std::string told = protocol::to_json(cluster.child("shard-1"));
  INFO(told);
  CHECK(told.find("shard_1.sqlite") != std::string::npos);  // the last error, for who asks
  CHECK(read_whole_file(file) == damaged);                  // nothing was overwritten

  write_whole_file(file, sound);
  REQUIRE(eventually([&] { return cluster.state() == "ready"; }));
  for (int i = 0; i < 400; ++i) REQUIRE(client->get(i).ok);
  cluster.stop();
}

TEST_CASE("a shard whose file is deleted under it answers errors, is parked and makes no new one", "[storage]") {
  ClusterOptions options = with_order(2);
  options.arguments = {"--max-restarts", "1", "--max-seconds", "60", "--park-retry", "1h"};
  Cluster cluster(std::move(options));
  cluster.start();
  auto client = cluster.client();
  std::map<unsigned, int> on_shard;
  for (int i = 0; i < 50; ++i) {
    REQUIRE(client->init("order", i).ok);
    on_shard.emplace(cluster.shard_of(i), i);
  }
  const std::string file = cluster.data_dir() + "/shard_1.sqlite";
  REQUIRE(std::filesystem::remove(file));
  const WireReply refused = client->transition(on_shard.at(1), "pay", "paid");
  INFO(refused.text());
  CHECK_FALSE(refused.ok);
  REQUIRE(eventually([&] { return cluster.phase("shard-1") == "parked"; }));
  const std::string told = protocol::to_json(cluster.child("shard-1"));
  INFO(told);
  CHECK(told.find("missing") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(file));
  CHECK(client->transition(on_shard.at(2), "pay", "paid").ok);
  cluster.supervisor().signal(SIGTERM);
  CHECK(cluster.supervisor().wait().has_value());
}

TEST_CASE("a shard file of an older schema is brought up to date", "[storage]") {
  Cluster cluster(with_order(1));
  cluster.start();
  cluster.stop();
  const std::string file = cluster.data_dir() + "/shard_1.sqlite";
  std::filesystem::copy_file(SPEX_SOURCE_DIR "/tests/data/store/shard_of_version_1.sqlite", file,
                             std::filesystem::copy_options::overwrite_existing);
  std::filesystem::permissions(file, std::filesystem::perms::owner_write, std::filesystem::perm_options::add);
  // It is another cluster's; make it this one's.
  std::string layout = read_whole_file(cluster.data_dir() + "/cluster");
  {
    auto database = store::Database::open(file, store::Database::Access::read_write);
    REQUIRE(database.ok());
    const std::size_t at = layout.find("cluster_id");
    REQUIRE(at != std::string::npos);
    const std::size_t first = layout.find_first_of("0123456789abcdef", at + std::string("cluster_id").size());
    const std::string id = layout.substr(first, 32);
    INFO(id);
    REQUIRE(database.value().run("UPDATE identity SET cluster_id='" + id + "'").ok());
  }
  cluster.start();
  auto client = cluster.client();
  CHECK(client->get("id-3").ok);
  CHECK(client->transition("id-3", "ship", "shipped").ok);
  cluster.stop();
}

TEST_CASE("a shard file of a newer schema is refused by name, not touched", "[storage]") {
  ClusterOptions options = with_order(1);
  options.arguments = {"--max-restarts", "1", "--park-retry", "1h"};
  Cluster cluster(std::move(options));
  cluster.start();
  REQUIRE(cluster.client()->init("order", "o").ok);
  cluster.stop();
  const std::string file = cluster.data_dir() + "/shard_1.sqlite";
  {
    auto database = store::Database::open(file, store::Database::Access::read_write);
    REQUIRE(database.ok());
    REQUIRE(database.value().run("PRAGMA user_version=1000").ok());
    REQUIRE(database.value().checkpoint().ok());
  }
  const std::string content = read_whole_file(file);
  cluster.start_without_waiting();
  REQUIRE(eventually([&] { return cluster.log().find("schema") != std::string::npos; }));
  CHECK(cluster.state() != "ready");
  CHECK(read_whole_file(file) == content);
  cluster.supervisor().signal(SIGTERM);
  CHECK(cluster.supervisor().wait().has_value());
}

}  // namespace
}  // namespace spex::test
