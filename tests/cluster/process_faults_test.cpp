// Faults of processes that are more than a death: stopped and continued, frozen
// between fork and exec, out of memory, out of descriptors, dying at every start,
// robbed of a socket. No acknowledged operation is lost, no old incarnation serves
// or writes again, and what is not concerned goes on (semantics §11, §12).
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "base/unique_fd.h"
#include "clients/cpp/client.h"
#include "protocol/json.h"
#include "support/cluster.h"

namespace spex::test {
namespace {

ClusterOptions with_ring(unsigned shards) {
  ClusterOptions options;
  options.shards = shards;
  options.specs = {{"ring.spec", "Specification: ring\nTransitions:\ns0 --[tick]-> s0\n"}};
  options.models = {
      {"ring.spex",
       "Specification: ring\nLearning mode: false\nTransitions:\nnil --[__initialisation__]-> s0\ns0 --[tick]-> s0\n"}};
  return options;
}

std::map<unsigned, int> one_of_each(const Cluster& cluster) {
  std::map<unsigned, int> found;
  for (int i = 0; found.size() < cluster.shards() && i < 1000; ++i) found.emplace(cluster.shard_of(i), i);
  REQUIRE(found.size() == cluster.shards());
  return found;
}

std::int64_t total_of(WireClient& client, const Encoded& id) {
  return integer_of(at(client.get(id, 1).body, "transitions_total"));
}

RequestOptions keyed(std::uint64_t number) {
  RequestOptions options;
  options.key = 1'700'000'000'000'000 + number;
  return options;
}

TEST_CASE("a shard stopped beyond its heartbeat is gone before its successor serves, and never writes again",
          "[faults]") {
  ClusterOptions options = with_ring(2);
  options.arguments = {"--heartbeat-interval", "100ms", "--heartbeat-timeout", "3s"};
  Cluster cluster(std::move(options));
  cluster.start();
  auto client = cluster.client(7);
  const auto instances = one_of_each(cluster);
  const int mine = instances.at(1);
  for (const auto& [shard, id] : instances) REQUIRE(client->init("ring", id).ok);
  const pid_t old = cluster.pid("shard-1");
  const base::UniqueFd handle(static_cast<int>(::syscall(SYS_pidfd_open, old, 0)));
  REQUIRE(::kill(old, SIGSTOP) == 0);
  // These lie in the socket of the stopped process.
  std::vector<std::uint64_t> sent;
  for (std::uint64_t i = 1; i <= 20; ++i)
    sent.push_back(client->send(Operation::transition, mine, Array{"tick", "s0"}, keyed(i)));
  CHECK(client->transition(instances.at(2), "tick", "s0").ok);
  REQUIRE(eventually([&] { return cluster.incarnation("shard-1") == 2 && cluster.state() == "ready"; }));
  CHECK_FALSE(process_exists(old));
  // Continued after all: there is nothing left to continue.
  CHECK(::syscall(SYS_pidfd_send_signal, handle.get(), SIGCONT, nullptr, 0) != 0);
  int unknown = 0;
  for (const std::uint64_t id : sent) {
    const WireReply reply = client->receive(id);
    INFO(reply.text());
    REQUIRE(reply.answered);
    unknown += !reply.ok;
    if (!reply.ok) CHECK(reply.error.error_class == "ClusterError");
  }
  CHECK(unknown == 20);
  for (std::uint64_t i = 1; i <= 20; ++i) CHECK(client->transition(mine, "tick", "s0", keyed(i)).ok);
  CHECK(total_of(*client, mine) == 21);
  CHECK(cluster.incarnation("shard-2") == 1);
  cluster.stop();
}

TEST_CASE("a stopped router is replaced; the client library goes on with one effect per request", "[faults]") {
  ClusterOptions options = with_ring(2);
  options.arguments = {"--heartbeat-interval", "100ms", "--heartbeat-timeout", "3s"};
  Cluster cluster(std::move(options));
  cluster.start();
  client::Client client({.endpoint = cluster.endpoint()});
  REQUIRE(client.init_instance("ring", "r").ok);
  const pid_t old = cluster.signal_child("router", SIGSTOP);
  int failed = 0;
  for (int i = 0; i < 50; ++i)
    client.submit(client::transition("r", "tick", "s0"), [&](client::Answer& answer) { failed += !answer.ok; });
  client.wait_all();
  CHECK(failed == 0);
  CHECK_FALSE(process_exists(old));
  CHECK(total_of(*cluster.client(), "r") == 51);
  CHECK(cluster.incarnation("router") == 2);
  CHECK(cluster.incarnation("shard-1") == 1);
  cluster.stop();
}

TEST_CASE("a stopped supervisor holds nothing up, and continued it restarts nobody", "[faults]") {
  ClusterOptions options = with_ring(2);
  options.arguments = {"--heartbeat-interval", "50ms", "--heartbeat-timeout", "1s"};
  Cluster cluster(std::move(options));
  cluster.start();
  auto client = cluster.client();
  const auto instances = one_of_each(cluster);
  for (const auto& [shard, id] : instances) REQUIRE(client->init("ring", id).ok);
  cluster.supervisor().signal(SIGSTOP);
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(2'500);
  int rounds = 0;
  for (; std::chrono::steady_clock::now() < end; ++rounds)
    for (const auto& [shard, id] : instances) REQUIRE(client->transition(id, "tick", "s0").ok);
  cluster.supervisor().signal(SIGCONT);
  REQUIRE(eventually([&] { return cluster.state() == "ready"; }));
  for (const auto& [shard, id] : instances) CHECK(total_of(*client, id) == rounds + 1);
  for (const char* child : {"shard-1", "shard-2", "router"}) CHECK(cluster.incarnation(child) == 1);
  cluster.stop();
}

// Waits until the traced process has forked; the child stands before its first instruction. 0: it did not.
pid_t child_frozen_at_fork(pid_t traced) {
  int status = 0;
  pid_t child = 0;
  const bool forked = eventually([&] {
    if (::waitpid(traced, &status, __WALL | WNOHANG) != traced) return false;
    if (status >> 8 == (SIGTRAP | PTRACE_EVENT_FORK << 8) || status >> 8 == (SIGTRAP | PTRACE_EVENT_CLONE << 8)) {
      unsigned long message = 0;
      ::ptrace(PTRACE_GETEVENTMSG, traced, nullptr, &message);
      child = static_cast<pid_t>(message);
      return true;
    }
    if (WIFSTOPPED(status)) ::ptrace(PTRACE_CONT, traced, nullptr, WSTOPSIG(status));
    return false;
  });
  return forked ? child : 0;
}

TEST_CASE("a child frozen between fork and its first line does not survive its killed supervisor", "[faults]") {
  Cluster cluster(with_ring(2));
  cluster.start();
  const pid_t supervisor = cluster.supervisor().pid();
  const pid_t victim = cluster.pid("shard-1");
  REQUIRE(::ptrace(PTRACE_SEIZE, supervisor, nullptr, PTRACE_O_TRACEFORK | PTRACE_O_TRACECLONE) == 0);
  REQUIRE(::kill(victim, SIGKILL) == 0);
  const pid_t child = child_frozen_at_fork(supervisor);
  REQUIRE(child > 1);
  // The child has not asked for a signal yet when its parent dies.
  int status = 0;
  REQUIRE(eventually([&] { return ::waitpid(child, &status, __WALL | WNOHANG) == child; }));
  REQUIRE(::kill(supervisor, SIGKILL) == 0);
  REQUIRE(eventually([&] { return cluster.supervisor().wait(std::chrono::milliseconds(10)).has_value(); }));
  REQUIRE(::ptrace(PTRACE_DETACH, child, nullptr, nullptr) == 0);
  CHECK(eventually([&] { return !process_exists(child); }));
  CHECK(eventually([&] { return cluster.processes().empty(); }));
  cluster.start();
  REQUIRE(cluster.client()->init("ring", "r").ok);
  cluster.stop();
}

// A folder of the programs in which a script stands in for the worker: shard 2 dies while `flag` exists.
void make_dying_worker(const std::string& folder, const std::string& flag) {
  std::filesystem::create_directory(folder);
  for (const char* name : {"spexd", "spex-router"})
    std::filesystem::create_hard_link(std::filesystem::canonical(program_path(name)), folder + "/" + name);
  write_whole_file(folder + "/spex-shard-worker", "#!/bin/sh\ncase \"$*\" in *'--shard 2'*) [ ! -e " + flag +
                                                      " ] || exit 75 ;; esac\nexec " +
                                                      program_path("spex-shard-worker") + " \"$@\"\n");
  std::filesystem::permissions(folder + "/spex-shard-worker", std::filesystem::perms::owner_all);
}

TEST_CASE("a shard that dies at every start is backed off, parked and retried in plain sight; the others serve",
          "[faults]") {
  ClusterOptions options = with_ring(3);
  options.arguments = {"--max-restarts", "4", "--max-seconds", "60", "--park-retry", "1h", "--backoff-min", "200ms"};
  Cluster cluster(std::move(options));
  const std::string flag = cluster.dir() + "/shard-2-dies";
  make_dying_worker(cluster.dir() + "/bin", flag);
  cluster.use_programs(cluster.dir() + "/bin");
  cluster.start();
  const auto instances = one_of_each(cluster);
  auto client = cluster.client();
  for (const auto& [shard, id] : instances) REQUIRE(client->init("ring", id).ok);
  write_whole_file(flag, "");
  cluster.signal_child("shard-2", SIGKILL);
  const auto serve = [&] {
    CHECK(client->transition(instances.at(1), "tick", "s0").ok);
    CHECK(client->transition(instances.at(3), "tick", "s0").ok);
  };
  // On its way the status shows back-off, with the time of the next try.
  REQUIRE(eventually([&] {
    const Value child = cluster.child("shard-2");
    return at(child, "phase") == Value("backoff") && integer_of(at(child, "next_restart_in_ms")) > 0;
  }));
  serve();
  REQUIRE(eventually([&] { return cluster.phase("shard-2") == "parked"; }));
  serve();
  const Value parked = cluster.child("shard-2");
  INFO(protocol::to_json(parked));
  CHECK(integer_of(at(parked, "restarts_in_window")) == 4);
  CHECK(integer_of(at(parked, "next_restart_in_ms")) > 1'000'000);
  CHECK(protocol::to_json(at(parked, "last_exit")).find("75") != std::string::npos);
  CHECK(cluster.state() == "degraded");
  CHECK(client->get(instances.at(2)).refused("ClusterError", "shard_unavailable"));
  for (const char* other : {"shard-1", "shard-3", "router"}) CHECK(cluster.incarnation(other) == 1);
  // Mended and asked for, it is back at once.
  std::filesystem::remove(flag);
  CHECK(at(cluster.control("restart shard-2"), "ok") == Value(true));
  REQUIRE(eventually([&] { return cluster.state() == "ready"; }));
  CHECK(client->get(instances.at(2)).ok);
  serve();
  cluster.stop();
}

// Asks for more and more until the process is gone or refuses; what was acknowledged is added to `stored`.
void feed(WireClient& client, pid_t process, std::vector<std::string>& stored) {
  const Map large{{"text", std::string(60'000, 'x')}};
  for (int i = 0; i < 3'000 && process_exists(process); ++i) {
    const std::string id = "large-" + std::to_string(i);
    const WireReply reply = client.init("ring", id, large);
    if (reply.ok) stored.push_back(id);
    if (reply.answered && !reply.ok) return;
  }
}

TEST_CASE("a worker that gets no more memory refuses or dies and comes back; nothing acknowledged is lost",
          "[faults]") {
  Cluster cluster(with_ring(1));
  cluster.start();
  auto client = cluster.client(7);
  REQUIRE(client->init("ring", "m").ok);
  REQUIRE(client->transition("m", "tick", "s0", keyed(1)).ok);
  const pid_t starved = cluster.pid("shard-1");
  rlimit before{};
  REQUIRE(::prlimit(starved, RLIMIT_AS, nullptr, &before) == 0);
  const rlimit none{1, before.rlim_max};  // not a page more than it has
  REQUIRE(::prlimit(starved, RLIMIT_AS, &none, nullptr) == 0);
  std::vector<std::string> stored;
  feed(*client, starved, stored);
  ::prlimit(starved, RLIMIT_AS, &before, nullptr);  // it may be gone
  REQUIRE(eventually([&] { return cluster.state() == "ready" && client->init("ring", "after").answered; }));
  REQUIRE(eventually([&] { return client->get("after").ok || client->init("ring", "after").ok; }));
  for (const std::string& id : stored) CHECK(client->get(id, 1).ok);
  CHECK(client->transition("m", "tick", "s0", keyed(1)).ok);
  CHECK(total_of(*client, "m") == 2);
  cluster.supervisor().signal(SIGTERM);  // a sanitizer has written of the missing memory into the log
  CHECK(cluster.supervisor().wait() == 0);
}

// A memory cgroup (version 1) with the process in it, if this machine lets us make one.
class MemoryGroup {
 public:
  MemoryGroup(pid_t process, std::uint64_t bytes_more)
      : path_("/sys/fs/cgroup/memory/spex-test-" + std::to_string(::getpid())) {
    std::error_code error;
    if (!std::filesystem::exists("/sys/fs/cgroup/memory/memory.limit_in_bytes", error)) return;
    if (!std::filesystem::create_directory(path_, error)) return;
    const auto put = [&](const char* file, std::uint64_t value) {
      std::ofstream out(path_ + "/" + file);
      out << value << std::flush;
      return out.good();
    };
    made_ = put("memory.limit_in_bytes", bytes_more) && put("cgroup.procs", static_cast<std::uint64_t>(process));
  }
  ~MemoryGroup() { ::rmdir(path_.c_str()); }
  MemoryGroup(const MemoryGroup&) = delete;
  MemoryGroup& operator=(const MemoryGroup&) = delete;
  bool made() const { return made_; }

 private:
  std::string path_;
  bool made_ = false;
};

TEST_CASE("a shard that the out-of-memory killer takes comes back with everything acknowledged", "[faults]") {
  Cluster cluster(with_ring(1));
  cluster.start();
  auto client = cluster.client(7);
  REQUIRE(client->init("ring", "m").ok);
  const pid_t victim = cluster.pid("shard-1");
  std::vector<std::string> stored;
  {
    // What it has already is not counted to the group, what it asks for from now on is.
    const MemoryGroup group(victim, 1u << 20);
    if (group.made()) feed(*client, victim, stored);
    // Where no group can be made, or it is too wide: what the killer does is a SIGKILL.
    if (process_exists(victim)) ::kill(victim, SIGKILL);
    REQUIRE(eventually([&] { return !process_exists(victim); }));
  }
  REQUIRE(eventually([&] { return cluster.pid("shard-1") != victim && cluster.state() == "ready"; }));
  for (const std::string& id : stored) CHECK(client->get(id, 1).ok);
  CHECK(client->get("m").ok);
  CHECK(client->init("ring", "after").ok);
  cluster.stop();
}

// The process keeps what it has open and gets no descriptor more.
void exhaust_descriptors(pid_t process) {
  rlim_t highest = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(process) + "/fd"))
    highest = std::max<rlim_t>(highest, std::stoul(entry.path().filename()));
  const rlimit limit{highest + 1, highest + 1};
  REQUIRE(::prlimit(process, RLIMIT_NOFILE, &limit, nullptr) == 0);
}

TEST_CASE("a router that runs out of descriptors is replaced; clients go on with one effect per request", "[faults]") {
  Cluster cluster(with_ring(2));
  cluster.start();
  client::Client client({.endpoint = cluster.endpoint()});
  REQUIRE(client.init_instance("ring", "d").ok);
  exhaust_descriptors(cluster.pid("router"));
  for (int i = 0; i < 50; ++i) REQUIRE(client.transition("d", "tick", "s0").ok);
  // libzmq ends the process when it cannot accept a connection.
  std::vector<std::unique_ptr<WireClient>> strangers;
  for (int i = 0; i < 20; ++i) strangers.push_back(cluster.client());
  for (int i = 0; i < 50; ++i) REQUIRE(client.transition("d", "tick", "s0").ok);
  for (auto& stranger : strangers)
    CHECK(eventually(
        [&] { return stranger->call(Operation::get_instance, "d", Array{}, {}, std::chrono::seconds(1)).ok; }));
  CHECK(total_of(*cluster.client(), "d") == 101);
  for (const char* shard : {"shard-1", "shard-2"}) CHECK(cluster.incarnation(shard) == 1);
  cluster.supervisor().signal(SIGTERM);
  CHECK(cluster.supervisor().wait() == 0);
}

TEST_CASE("a shard without descriptors goes on with what it has open", "[faults]") {
  Cluster cluster(with_ring(1));
  cluster.start();
  auto client = cluster.client();
  REQUIRE(client->init("ring", "d").ok);
  exhaust_descriptors(cluster.pid("shard-1"));
  for (int i = 0; i < 500; ++i) REQUIRE(client->transition("d", "tick", "s0").ok);
  cluster.kill_and_wait_ready("shard-1");
  CHECK(total_of(*client, "d") == 501);
  CHECK(cluster.incarnation("shard-1") == 2);
  cluster.stop();
}

TEST_CASE("too few descriptors for the shards are refused at start, naming the number", "[faults]") {
  Cluster cluster(with_ring(64));
  std::vector<std::string> line = cluster.command_line();
  line.insert(line.begin(), {"prlimit", "--nofile=100:100"});
  const Finished refused = run_program(line);
  INFO(refused.err);
  CHECK(refused.exit_code == 78);
  CHECK((refused.out + refused.err).find("the limit is 100") != std::string::npos);
}

TEST_CASE("a client socket that was stolen or removed is bound anew; clients go on", "[faults]") {
  const bool stolen = GENERATE(false, true);
  Cluster cluster(with_ring(1));
  cluster.start();
  client::Client client({.endpoint = cluster.endpoint()});
  REQUIRE(client.init_instance("ring", "s").ok);
  const std::string path = cluster.run_dir() + "/frontend.sock";
  std::unique_ptr<Program> thief;
  if (stolen) {
    ProgramOptions options;
    options.arguments = {
        "python3", "-c",
        "import os,socket,time\np=" + protocol::to_json(Value(path)) +
            "\nos.unlink(p)\ns=socket.socket(socket.AF_UNIX)\ns.bind(p)\ns.listen(9)\ntime.sleep(600)"};
    thief = std::make_unique<Program>(options);
  } else {
    REQUIRE(std::filesystem::remove(path));
  }
  REQUIRE(eventually([&] { return cluster.incarnation("router") == 2 && cluster.state() == "ready"; }));
  client::Client another({.endpoint = cluster.endpoint()});
  CHECK(another.transition("s", "tick", "s0").ok);
  CHECK(client.transition("s", "tick", "s0").ok);
  CHECK(total_of(*cluster.client(), "s") == 3);
  CHECK(cluster.incarnation("shard-1") == 1);
  thief.reset();
  cluster.stop();
}

TEST_CASE("sockets left by a killed supervisor are no obstacle, whatever lies there now", "[faults]") {
  Cluster cluster(with_ring(2));
  cluster.start();
  REQUIRE(cluster.client()->init("ring", "s").ok);
  cluster.kill_supervisor();
  CHECK(std::filesystem::exists(cluster.run_dir() + "/control.sock"));
  CHECK(std::filesystem::exists(cluster.run_dir() + "/frontend.sock"));
  cluster.start();
  CHECK(cluster.client()->get("s").ok);
  cluster.stop();
}

TEST_CASE("a client over tcp works as one over ipc, through the death of the router", "[faults]") {
  ClusterOptions options = with_ring(2);
  const std::string port = std::to_string(20'000 + ::getpid() % 20'000);
  Cluster cluster(std::move(options));
  cluster.options().arguments = {"--endpoint", cluster.endpoint(), "--endpoint", "tcp://127.0.0.1:" + port};
  cluster.start();
  client::Client client({.endpoint = "tcp://127.0.0.1:" + port});
  REQUIRE(client.init_instance("ring", "t").ok);
  for (int i = 0; i < 20; ++i) CHECK(client.transition("t", "tick", "s0").ok);
  cluster.signal_child("router", SIGKILL);
  for (int i = 0; i < 20; ++i) CHECK(client.transition("t", "tick", "s0").ok);
  CHECK(total_of(*cluster.client(), "t") == 41);
  cluster.stop();
}

TEST_CASE("fire and forget goes on after the router was replaced: new credit, nothing sent is lost", "[faults]") {
  const bool whole_cluster = GENERATE(false, true);
  Cluster cluster(with_ring(2));
  cluster.start();
  client::Client client({.endpoint = cluster.endpoint()});
  REQUIRE(client.init_instance("ring", "a").ok);
  for (int i = 0; i < 300; ++i) REQUIRE(client.transition_async("a", "tick", "s0"));
  auto reader = cluster.client();
  REQUIRE(eventually([&] { return total_of(*reader, "a") == 301; }));
  if (whole_cluster) {
    cluster.kill_supervisor();
    cluster.start();
  } else {
    cluster.kill_and_wait_ready("router");
  }
  REQUIRE(client.transition("a", "tick", "s0").ok);
  for (int i = 0; i < 300; ++i) REQUIRE(client.transition_async("a", "tick", "s0"));
  reader = cluster.client();
  CHECK(eventually([&] { return total_of(*reader, "a") == 602; }));
  cluster.stop();
}

TEST_CASE("a reload changes what is reported, without a restart", "[faults]") {
  ClusterOptions options = with_ring(2);
  Cluster cluster(std::move(options));
  const std::string file = cluster.dir() + "/spexd.conf";
  write_whole_file(file, "report_records = 5\n");
  cluster.options().arguments = {"--config", file};
  cluster.start();
  auto client = cluster.client();
  REQUIRE(client->init("ring", "r").ok);
  for (int i = 0; i < 8; ++i) REQUIRE(client->transition("r", "tick", "s0").ok);
  const auto reported = [&] {
    const WireReply reply = client->transition("r", "explode", "s0");
    REQUIRE(reply.refused("TransitionError", "deviation_not_equivalent"));
    return size_of(at(at(reply.error.context, "instance"), "transitions"));
  };
  CHECK(reported() == 5);
  write_whole_file(file, "report_records = 2\n");
  const Finished reload = cluster.ctl({"reload"});
  INFO(reload.out << reload.err);
  CHECK(reload.exit_code == 0);
  CHECK(eventually([&] { return reported() == 2; }));
  for (const char* child : {"shard-1", "shard-2", "router"}) CHECK(cluster.incarnation(child) == 1);
  cluster.stop();
}

}  // namespace
}  // namespace spex::test
