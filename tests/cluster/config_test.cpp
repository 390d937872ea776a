// What spexd accepts at start and what it refuses: options, files, environment,
// another number of shards, a second supervisor (semantics §2, §10).
#include <signal.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "support/cluster.h"

namespace spex::test {
namespace {

ClusterOptions with_order(unsigned shards = 1) {
  ClusterOptions options;
  options.shards = shards;
  options.specs = {{"order.spec", order_specification()}};
  return options;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// Runs spexd in an empty directory, expecting it to refuse.
Finished refused(std::vector<std::string> arguments, const std::string& dir,
                 const std::vector<std::pair<std::string, std::string>>& environment = {}) {
  arguments.insert(arguments.begin(), program_path("spexd"));
  RunOptions options;
  options.directory = dir;
  options.environment = environment;
  return run_program(arguments, options);
}

TEST_CASE("a distribution factor that is no number from 1 to 4096 refuses to start", "[config]") {
  const TempDir dir;
  for (const char* factor : {"0", "-1", "4097", "four", "1.5", "", "99999999999999999999"}) {
    INFO("factor '" << factor << "'");
    const Finished run = refused({std::string("--distribution-factor=") + factor}, dir.path());
    CHECK((run.exit_code == 64 || run.exit_code == 78));
    CHECK(contains(run.err + run.out, "distribution"));
    CHECK_FALSE(std::filesystem::exists(dir.file("spex_data/cluster")));
  }
}

TEST_CASE("unknown options are a usage error, unknown keys in a file a configuration error with its line", "[config]") {
  const TempDir dir;
  CHECK(refused({"--no-such-option"}, dir.path()).exit_code == 64);
  write_whole_file(dir.file("bad.conf"), "# a comment\ndistribution_factor = 2\nno_such_key = 1\n");
  Finished run = refused({"--config", dir.file("bad.conf")}, dir.path());
  CHECK(run.exit_code == 78);
  CHECK(contains(run.err, "bad.conf:3"));
  CHECK(contains(run.err, "no_such_key"));
  write_whole_file(dir.file("bad.conf"), "distribution_factor = many\n");
  run = refused({"--config", dir.file("bad.conf")}, dir.path());
  CHECK(run.exit_code == 78);
  CHECK(contains(run.err, "bad.conf:1"));
  run = refused({"--config", dir.file("absent.conf")}, dir.path());
  CHECK(run.exit_code == 78);
  CHECK(contains(run.err, "absent.conf"));
  CHECK_FALSE(std::filesystem::exists(dir.file("spex_data/cluster")));
}

TEST_CASE("command line beats environment beats file beats default, and the origin is told", "[config]") {
  const TempDir dir;
  write_whole_file(dir.file("c.conf"), "distribution_factor = 2\nprune_interval = 2h\nmax_restarts = 9\n");
  const Finished run = refused({"--print-config", "--config", dir.file("c.conf"), "--distribution-factor", "5"},
                               dir.path(), {{"SPEX_DISTRIBUTION_FACTOR", "3"}, {"SPEX_PRUNE_INTERVAL", "3h"}});
  INFO(run.out << run.err);
  REQUIRE(run.exit_code == 0);
  const auto line = [&](const std::string& name) {
    const std::size_t begin = run.out.find("\n" + name + " ");
    REQUIRE(begin != std::string::npos);
    return run.out.substr(begin + 1, run.out.find('\n', begin + 1) - begin - 1);
  };
  CHECK(contains(line("distribution_factor"), "5"));
  CHECK(contains(line("distribution_factor"), "command line"));
  CHECK(contains(line("prune_interval"), "3h"));
  CHECK(contains(line("prune_interval"), "SPEX_PRUNE_INTERVAL"));
  CHECK(contains(line("max_restarts"), "9"));
  CHECK(contains(line("max_restarts"), "c.conf"));
  CHECK(contains(line("check_transition_timeouts_on_start"), "true"));
  CHECK(contains(line("check_transition_timeouts_on_start"), "default"));
  CHECK_FALSE(std::filesystem::exists(dir.file("spex_data")));
}

TEST_CASE("a run directory of up to 80 bytes works, a longer one is refused naming the limit", "[config]") {
  const TempDir dir;
  const std::string base = dir.path() + "/";
  REQUIRE(base.size() < 79);
  Cluster cluster(with_order());
  std::string longest = base + std::string(80 - base.size(), 'r');
  std::vector<std::string> line = cluster.command_line();
  const auto run_dir = std::find(line.begin(), line.end(), "--run-dir") + 1;

  *run_dir = longest + "x";
  const Finished run = run_program(line);
  CHECK(run.exit_code == 78);
  CHECK(contains(run.err, "80"));

  *run_dir = longest;
  ProgramOptions options;
  options.arguments = line;
  options.output_file = options.error_file = dir.file("log");
  Program supervisor(options);
  WireClient client("ipc://" + longest + "/frontend.sock");
  const WireReply made = client.init("order", "o");
  INFO(made.text() << read_whole_file(dir.file("log")));
  CHECK(made.ok);
  supervisor.signal(SIGTERM);
  CHECK(supervisor.wait() == 0);
}

TEST_CASE("another number of shards is refused and names the command that moves the data", "[config]") {
  Cluster cluster(with_order(2));
  cluster.start();
  REQUIRE(cluster.client()->init("order", "o").ok);
  cluster.stop();
  for (const unsigned shards : {1u, 3u, 4u}) {
    cluster.options().shards = shards;
    const Finished run = run_program(cluster.command_line());
    INFO(run.err);
    CHECK(run.exit_code == 78);
    CHECK(contains(run.err, "spexctl"));
  }
  cluster.options().shards = 2;
  cluster.start();
  CHECK(cluster.client()->get("o").ok);
  cluster.stop();
}

TEST_CASE("a second supervisor on the same data refuses to start and harms nothing", "[config]") {
  Cluster cluster(with_order(2));
  cluster.start();
  auto client = cluster.client();
  REQUIRE(client->init("order", "o").ok);
  const Value before = cluster.status();
  const std::string holder = std::to_string(cluster.supervisor().pid());

  std::vector<std::string> line = cluster.command_line();
  Finished second = run_program(line);  // same data, same run directory
  INFO(second.err);
  CHECK(second.exit_code == 75);
  CHECK(contains(second.err, holder));
  const TempDir other;
  *(std::find(line.begin(), line.end(), "--run-dir") + 1) = other.path();
  second = run_program(line);  // same data only
  CHECK(second.exit_code == 75);
  line = cluster.command_line();
  *(std::find(line.begin(), line.end(), "--data-dir") + 1) = other.file("data");
  second = run_program(line);  // same run directory only
  CHECK(second.exit_code == 75);

  CHECK(client->transition("o", "pay", "paid").ok);
  const Value after = cluster.status();
  for (std::size_t i = 0; i < 3; ++i)
    CHECK(at(at(at(after, "children"), i), "pid") == at(at(at(before, "children"), i), "pid"));
  cluster.stop();
}

TEST_CASE("a supervisor started while a killed one's children are still ending waits for them", "[config]") {
  Cluster cluster(with_order(4));
  cluster.start();
  REQUIRE(cluster.client()->init("order", "o").ok);
  for (int round = 0; round < 3; ++round) {
    cluster.supervisor().signal(SIGKILL);
    REQUIRE(cluster.supervisor().wait() == 128 + SIGKILL);
    cluster.start();  // at once
    CHECK(cluster.client()->get("o").ok);
  }
  cluster.stop();
}

TEST_CASE("missing directories are made, existing ones accepted, others keep out of the control socket", "[config]") {
  Cluster cluster(with_order());
  std::filesystem::create_directory(cluster.data_dir());
  std::filesystem::create_directory(cluster.run_dir());
  ::chmod(cluster.data_dir().c_str(), 0755);
  ::chmod(cluster.run_dir().c_str(), 0755);
  cluster.start();
  struct stat info {};
  REQUIRE(::stat((cluster.run_dir() + "/control.sock").c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  CHECK(std::filesystem::exists(cluster.data_dir() + "/shard_1.sqlite"));
  CHECK(std::filesystem::exists(cluster.run_dir() + "/effective.conf"));
  cluster.stop();
  CHECK_FALSE(std::filesystem::exists(cluster.run_dir() + "/control.sock"));
}

TEST_CASE("defaults: four shards and directories beside the working directory", "[config]") {
  const TempDir dir;
  ProgramOptions options;
  options.arguments = {program_path("spexd")};
  options.directory = dir.path();
  options.output_file = options.error_file = dir.file("log");
  Program supervisor(options);
  const Finished ready = run_program({program_path("spexctl"), "wait-ready", "--timeout", "30s"},
                                     {.input = "", .environment = {}, .directory = dir.path(), .deadline = kPatience});
  INFO(ready.err << read_whole_file(dir.file("log")));
  CHECK(ready.exit_code == 0);
  for (const char* name : {"spex_data/shard_1.sqlite", "spex_data/shard_4.sqlite", "spex_run/frontend.sock"})
    CHECK(std::filesystem::exists(dir.file(name)));
  CHECK_FALSE(std::filesystem::exists(dir.file("spex_data/shard_5.sqlite")));
  supervisor.signal(SIGINT);
  CHECK(supervisor.wait() == 0);
}

TEST_CASE("a data directory of another kind, or of another cluster, is refused", "[config]") {
  Cluster cluster(with_order());
  cluster.start();
  REQUIRE(cluster.client()->init("order", "o").ok);
  cluster.stop();
  write_whole_file(cluster.data_dir() + "/cluster", "what is this?\n");
  const Finished run = run_program(cluster.command_line());
  INFO(run.err);
  CHECK(run.exit_code != 0);
  CHECK(run.exit_code != -1);
  CHECK(contains(run.err, "cluster"));
}

}  // namespace
}  // namespace spex::test
