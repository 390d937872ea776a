// The supervisor as a process: what it refuses to start on and what it
// accepts, locks, reload, control socket, the service manager.
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <filesystem>

#include "base/unique_fd.h"
#include "process/file_lock.h"
#include "protocol/json.h"
#include "supervisor/stand_in_cluster.h"
#include "support/wait.h"

using namespace spex::test;
using namespace std::chrono_literals;
using spex::process::FileLock;

namespace {

// Runs spexd with these options instead of the cluster's; it must end by itself.
Finished run_spexd(const std::vector<std::string>& arguments, const RunOptions& options = {}) {
  std::vector<std::string> line{SPEX_SPEXD};
  line.insert(line.end(), arguments.begin(), arguments.end());
  return run_program(line, options);
}

bool contains(const std::string& text, const std::string& part) {
  INFO(text);
  CHECK(text.find(part) != std::string::npos);
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("mistakes of the command line exit 64, of values 78", "[supervisor]") {
  const TempDir dir;
  const RunOptions here{.input = "", .environment = {}, .directory = dir.path()};
  CHECK(run_spexd({"--nonsense"}, here).exit_code == 64);
  CHECK(run_spexd({"word"}, here).exit_code == 64);
  CHECK(run_spexd({"--data-dir"}, here).exit_code == 64);
  for (const std::string factor : {"0", "-1", "4097", "four", "1.5", ""}) {
    const Finished finished = run_spexd({"--distribution-factor=" + factor}, here);
    CHECK(finished.exit_code == 78);
    contains(finished.err, "distribution_factor");
  }
  const Finished long_dir = run_spexd({"--run-dir", "/tmp/" + std::string(76, 'x')}, here);
  CHECK(long_dir.exit_code == 78);
  contains(long_dir.err, "at most 80");
  CHECK(std::filesystem::is_empty(dir.path()));  // nothing was created on the way
}

TEST_CASE("a file with mistakes is refused with file, line and reason", "[supervisor]") {
  const TempDir dir;
  write_whole_file(dir.file("c"), "# fine\nmax_restarts = 5\nmax_restart = 5\nqueue_max = much\n");
  const Finished finished = run_spexd({"--config", dir.file("c")});
  CHECK(finished.exit_code == 78);
  contains(finished.err, dir.file("c") + ":3: there is no parameter \"max_restart\"");
  contains(finished.err, dir.file("c") + ":4: queue_max: \"much\" is not a whole number");
  CHECK(run_spexd({"--config", dir.file("none")}).exit_code == 78);
}

TEST_CASE("--print-config tells the origin of each value", "[supervisor]") {
  const TempDir dir;
  write_whole_file(dir.file("c"), "max_restarts = 5\nreport_records = 7\n");
  const Finished finished = run_spexd({"--config", dir.file("c"), "--print-config", "--queue-max", "9"},
                                      {.input = "", .environment = {{"SPEX_REPORT_RECORDS", "8"}}, .directory = ""});
  CHECK(finished.exit_code == 0);
  const auto line = [&](const std::string& name) {
    const auto at = finished.out.find("\n" + name + " = ") + 1;
    return finished.out.substr(at, finished.out.find('\n', at) - at);
  };
  CHECK(line("max_restarts").ends_with("# " + dir.file("c") + ":1"));
  CHECK(line("report_records").starts_with("report_records = 8 "));
  CHECK(line("report_records").ends_with("# environment SPEX_REPORT_RECORDS"));
  CHECK(line("queue_max").ends_with("# command line"));
  CHECK(line("batch_max").ends_with("# default"));
  CHECK(run_spexd({"--check-config"}).exit_code == 0);
}

TEST_CASE("a run_dir of up to 80 bytes works from a directory with a long name", "[supervisor]") {
  StandInCluster cluster(1);
  const std::string deep = cluster.file(std::string(200, 'd'));
  std::filesystem::create_directory(deep);
  ProgramOptions options;
  options.arguments = cluster.command_line();
  for (std::string& argument : options.arguments) {
    if (argument == cluster.file("run")) argument = std::string(80, 'r');
  }
  options.directory = deep;
  options.error_file = cluster.file("log");
  Program spexd(options);
  const std::string events = deep + "/" + std::string(80, 'r') + "/events";
  CHECK(eventually([&] { return read_whole_file(events).find("router shard 1 up 1") != std::string::npos; }));
  spexd.signal(SIGTERM);
  CHECK(spexd.wait() == 0);
}

TEST_CASE("existing directories of mode 0755 are accepted, missing ones created", "[supervisor]") {
  StandInCluster cluster(1);
  std::filesystem::create_directory(cluster.file("data"));
  ::chmod(cluster.file("data").c_str(), 0755);
  cluster.arguments = {};
  cluster.start_ready();
  CHECK(std::filesystem::is_directory(cluster.file("specs")));
  CHECK(std::filesystem::is_directory(cluster.file("models")));
  CHECK(cluster.stop() == 0);
}

TEST_CASE("a directory that cannot be made is named before anything starts", "[supervisor]") {
  const TempDir dir;
  write_whole_file(dir.file("file"), "");
  for (const std::string& path : {dir.file("file"), dir.file("file/below"), std::string("/proc/spex_data")}) {
    const Finished finished = run_spexd({"--data-dir", path, "--run-dir", dir.file("run"), "--specs-dir", dir.file("s"),
                                         "--impl-models-dir", dir.file("m")});
    CHECK(finished.exit_code == 78);
    contains(finished.err, path == "/proc/spex_data" ? "create data_dir " + path : "data_dir");
  }
}

TEST_CASE("a second supervisor on the same data or run directory is refused and harms nothing", "[supervisor]") {
  StandInCluster cluster(2);
  cluster.start_ready();
  const TempDir other;
  auto line = cluster.command_line();
  const std::string shared = GENERATE("data", "run");
  for (std::string& argument : line) {
    if (argument == cluster.file(shared == "data" ? "run" : "data")) argument = other.file("x");
  }
  const Finished second = run_program(line);
  CHECK(second.exit_code == 75);
  contains(second.err, shared + "_dir " + cluster.file(shared));
  contains(second.err, "is in use by process " + std::to_string(cluster.spexd().pid()));
  CHECK(cluster.state() == "ready");
  CHECK(cluster.number("shard-1", "incarnation") == 1);
  CHECK(cluster.stop() == 0);
}

TEST_CASE("a supervisor waits for the children of its predecessor to end", "[supervisor]") {
  StandInCluster cluster(2);
  std::filesystem::create_directory(cluster.file("data"));
  auto held = FileLock::try_acquire(cluster.file("data/shard_2.lock"));
  REQUIRE(held->lock);
  cluster.start();
  REQUIRE(eventually([&] { return cluster.log().find("waiting_for_predecessor") != std::string::npos; }));
  CHECK(cluster.events().empty());
  held->lock.reset();
  CHECK(eventually([&] { return cluster.state() == "ready"; }));
  CHECK(cluster.stop() == 0);
}

TEST_CASE("a predecessor's child that does not end is named, after five seconds", "[supervisor]") {
  StandInCluster cluster(1);
  const auto held = FileLock::try_acquire(cluster.file("run/router.lock"));
  REQUIRE(held->lock);
  cluster.start();
  CHECK(cluster.wait() == 75);
  contains(cluster.log(), "router.lock is still locked");
  CHECK(cluster.events().empty());
}

TEST_CASE("another distribution factor is refused, naming the command that moves the data", "[supervisor]") {
  StandInCluster cluster(2);
  cluster.start_ready();
  CHECK(cluster.stop() == 0);
  cluster.arguments = {};
  auto line = cluster.command_line();
  for (std::size_t i = 0; i + 1 < line.size(); ++i) {
    if (line[i] == "--distribution-factor") line[i + 1] = "5";
  }
  const Finished finished = run_program(line);
  CHECK(finished.exit_code == 78);
  contains(finished.err, "spexctl reshard --distribution-factor 5");
  cluster.start_ready();
  CHECK(cluster.stop() == 0);
}

TEST_CASE("a damaged layout, and shard files without one, are refused", "[supervisor]") {
  StandInCluster cluster(1);
  std::filesystem::create_directory(cluster.file("data"));
  write_whole_file(cluster.file("data/shard_1.sqlite"), "");
  Finished finished = run_program(cluster.command_line());
  CHECK(finished.exit_code == 78);
  contains(finished.err, "no cluster layout");
  write_whole_file(cluster.file("data/cluster"), "spexd data directory 2\n");
  finished = run_program(cluster.command_line());
  CHECK(finished.exit_code == 78);
  contains(finished.err, "not a whole cluster layout");
}

TEST_CASE("stale sockets in run_dir are removed, files of other kinds left alone", "[supervisor]") {
  StandInCluster cluster(1);
  const std::string stale = cluster.file("run/shard_1.99.s");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  for (const std::string& path : {stale, cluster.file("run/control.sock")}) {
    const spex::base::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
    std::strcpy(address.sun_path, path.c_str());
    REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  write_whole_file(cluster.file("run/shard_2.99.s"), "not a socket");
  cluster.start_ready();
  CHECK_FALSE(std::filesystem::exists(stale));
  CHECK(std::filesystem::exists(cluster.file("run/shard_2.99.s")));
  CHECK(cluster.stop() == 0);
}

TEST_CASE("the control socket is for its owner only and refuses what it does not know", "[supervisor]") {
  StandInCluster cluster(1);
  cluster.start_ready();
  struct stat status {};
  REQUIRE(::stat(cluster.file("run/control.sock").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  for (const std::string command : {"", "nonsense", "status now", "restart", "restart shard-9", "\xff\x01"}) {
    const auto answer = cluster.ask(command);
    INFO(command);
    REQUIRE(answer.find("ok") != nullptr);
    CHECK(*answer.find("ok") == spex::protocol::Value(false));
  }
  CHECK(cluster.ask_text(std::string(5'000, 'x')).empty());  // too long: hung up on
  CHECK(cluster.state() == "ready");
  CHECK(cluster.stop() == 0);
}

TEST_CASE("many clients that say nothing do not keep others from being heard", "[supervisor]") {
  StandInCluster cluster(1);
  cluster.start_ready();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, cluster.file("run/control.sock").c_str());
  std::vector<spex::base::UniqueFd> silent;
  for (int i = 0; i < 40; ++i) {
    silent.emplace_back(::socket(AF_UNIX, SOCK_STREAM, 0));
    REQUIRE(::connect(silent.back().get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  CHECK(cluster.state() == "ready");
  CHECK(cluster.stop() == 0);
}

TEST_CASE("a reload applies what it may, reports the rest and collects the children's problems", "[supervisor]") {
  StandInCluster cluster(2);
  const std::string config = cluster.file("c");
  write_whole_file(config, "max_restarts = 5\nqueue_max = 100\n");
  cluster.arguments = {"--config", config};
  cluster.start_ready();
  write_whole_file(config, "max_restarts = 6\nqueue_max = 200\n");
  const auto answer = spex::protocol::to_json(cluster.ask("reload"));
  contains(answer, R"("changed":["max_restarts"])");
  contains(answer, R"("needs_restart":["queue_max"])");
  contains(answer, R"("problems":[{"file":"a.spex","line":3,"reason":"damaged"}])");
  const std::string effective = read_whole_file(cluster.file("run/effective.conf"));
  contains(effective, "max_restarts = 6\n");
  contains(effective, "queue_max = 100\n");
  CHECK(cluster.stop() == 0);
}

TEST_CASE("a bad reload is refused whole, said in the status, and the old values stay", "[supervisor]") {
  StandInCluster cluster(1);
  const std::string config = cluster.file("c");
  write_whole_file(config, "max_restarts = 5\n");
  cluster.arguments = {"--config", config};
  cluster.start_ready();
  write_whole_file(config, "max_restarts = 6\nbackoff_max = soon\n");
  const auto answer = cluster.ask("reload");
  CHECK(*answer.find("ok") == spex::protocol::Value(false));
  contains(spex::protocol::to_json(answer), R"("line":2)");
  contains(read_whole_file(cluster.file("run/effective.conf")), "max_restarts = 5\n");
  contains(cluster.ask_text("status"), "reload refused: " + config + ":2");
  write_whole_file(config, "max_restarts = 6\n");
  cluster.spexd().signal(SIGHUP);
  CHECK(eventually([&] {
    return read_whole_file(cluster.file("run/effective.conf")).find("max_restarts = 6\n") != std::string::npos;
  }));
  CHECK(eventually([&] { return cluster.ask_text("status").find("reload refused") == std::string::npos; }));
  CHECK(cluster.stop() == 0);
}

TEST_CASE("the service manager hears READY, WATCHDOG, RELOADING and STOPPING, the children do not", "[supervisor]") {
  StandInCluster cluster(2);
  const std::string path = cluster.file("notify");
  const spex::base::UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, path.c_str());
  REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  cluster.environment = {{"NOTIFY_SOCKET", path}, {"WATCHDOG_USEC", "100000"}};
  cluster.behave("shard-2", "slow_start 10");
  cluster.start();
  std::string heard;
  const auto hears = [&](const std::string& wanted) {
    return eventually([&] {
      char buffer[4'096];
      for (ssize_t got = 1; got > 0;) {
        got = ::recv(fd.get(), buffer, sizeof buffer, MSG_DONTWAIT);
        if (got > 0) heard += std::string(buffer, static_cast<std::size_t>(got)) + "\n";
      }
      return heard.find(wanted) != std::string::npos;
    });
  };
  CHECK(hears("STATUS=starting: 1 of 2 shards serve, shard-2 starting"));
  CHECK(heard.find("READY=1") == std::string::npos);
  CHECK(hears("READY=1\nSTATUS=ready: 2 of 2 shards serve"));
  heard.clear();
  CHECK(hears("WATCHDOG=1"));
  cluster.spexd().signal(SIGHUP);
  CHECK(hears("RELOADING=1\nMONOTONIC_USEC="));
  heard.erase(0, heard.find("RELOADING=1"));
  CHECK(hears("READY=1"));
  const std::string environment = read_whole_file("/proc/" + std::to_string(cluster.pid("shard-1")) + "/environ");
  CHECK(environment.find("NOTIFY_SOCKET") == std::string::npos);
  CHECK(cluster.stop() == 0);
  CHECK(hears("STOPPING=1"));
}
