#include "support/cluster.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CATCH_CONFIG_EXTERNAL_INTERFACES  // for the listener
#include <catch2/catch.hpp>
#include <cstring>
#include <filesystem>
#include <iostream>

#include "base/hash.h"
#include "base/unique_fd.h"
#include "protocol/json.h"

namespace spex::test {
namespace {

unsigned failures = 0;  // assertions failed in this program so far

struct FailureCounter : Catch::TestEventListenerBase {
  using TestEventListenerBase::TestEventListenerBase;
  bool assertionEnded(const Catch::AssertionStats& stats) override {
    if (!stats.assertionResult.isOk()) ++failures;
    return false;
  }
};
CATCH_REGISTER_LISTENER(FailureCounter)

// One line to an AF_UNIX stream socket, the whole answer back; empty on failure.
std::string ask_socket(const std::string& path, const std::string& line) {
  const base::UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return {};
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const timeval patience{10, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return {};
  if (::send(socket.get(), line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size())) return {};
  std::string answer;
  char buffer[4096];
  for (;;) {
    const ssize_t got = ::recv(socket.get(), buffer, sizeof buffer, 0);
    if (got <= 0) return answer;
    answer.append(buffer, static_cast<std::size_t>(got));
  }
}

void dump_log(const std::string& log) {
  constexpr std::size_t kShown = 20'000;
  std::cerr << "---- log of the cluster ----\n"
            << (log.size() > kShown ? "…\n" + log.substr(log.size() - kShown) : log) << "---- end of log ----\n";
}

}  // namespace

Cluster::Cluster(ClusterOptions options) : options_(std::move(options)), failures_before_(failures) {
  std::filesystem::create_directory(specs_dir());
  std::filesystem::create_directory(models_dir());
  for (const auto& [name, text] : options_.specs) write_whole_file(specs_dir() + "/" + name, text);
  for (const auto& [name, text] : options_.models) write_whole_file(models_dir() + "/" + name, text);
}

Cluster::~Cluster() {
  if (failures > failures_before_) dump_log(log());
  supervisor_.reset();
  for (const pid_t left : processes()) ::kill(left, SIGKILL);
}

std::string Cluster::data_dir() const { return options_.data_dir.empty() ? dir_.file("data") : options_.data_dir; }

std::vector<std::string> Cluster::command_line() const {
  std::vector<std::string> line{programs_ + "/spexd",
                                "--data-dir",
                                data_dir(),
                                "--run-dir",
                                run_dir(),
                                "--specs-dir",
                                specs_dir(),
                                "--impl-models-dir",
                                models_dir(),
                                "--distribution-factor",
                                std::to_string(options_.shards),
                                "--durability",
                                options_.durability};
  line.insert(line.end(), options_.arguments.begin(), options_.arguments.end());
  return line;
}

void Cluster::start_without_waiting() {
  ProgramOptions start;
  start.arguments = command_line();
  start.environment = options_.environment;
  start.directory = dir();
  start.output_file = dir_.file("log");
  start.error_file = dir_.file("log");
  start.file_bytes_max = options_.file_bytes_max;
  supervisor_.reset();
  supervisor_.emplace(start);
}

void Cluster::start() {
  start_without_waiting();
  wait_ready();
}

void Cluster::wait_ready() {
  bool ended = false;
  const bool ready = eventually([&] {
    ended = !supervisor_->running();
    return ended || state() == "ready";
  });
  INFO("state of the cluster: " << state());
  REQUIRE_FALSE(ended);
  REQUIRE(ready);
}

void Cluster::stop(std::chrono::milliseconds deadline) {
  supervisor_->signal(SIGTERM);
  const std::optional<int> code = supervisor_->wait(deadline);
  REQUIRE(code.has_value());
  CHECK(*code == 0);
  CHECK(processes().empty());
  require_clean_log();
}

void Cluster::kill_supervisor() {
  supervisor_->signal(SIGKILL);
  REQUIRE(supervisor_->wait() == 128 + SIGKILL);
  REQUIRE(eventually([&] { return processes().empty(); }));
}

void Cluster::require_clean_log() const {
  const std::string text = log();
  for (const char* sign : {"AddressSanitizer", "LeakSanitizer", "runtime error:", "level=fatal"}) {
    INFO("the log contains " << sign);
    CHECK(text.find(sign) == std::string::npos);
  }
}

std::unique_ptr<WireClient> Cluster::client(std::optional<std::uint64_t> id) const {
  return std::make_unique<WireClient>(endpoint(), id);
}

std::vector<pid_t> Cluster::processes() const {
  std::vector<pid_t> found = processes_mentioning(dir_.path());
  std::erase_if(found, [](pid_t pid) {
    return read_whole_file("/proc/" + std::to_string(pid) + "/cmdline").find("spexctl") != std::string::npos;
  });
  return found;
}

Value Cluster::control(const std::string& command) const {
  auto parsed = protocol::parse_json(ask_socket(run_dir() + "/control.sock", command + "\n"));
  return parsed ? std::move(parsed).value() : Value();
}

Value Cluster::status() const { return control("status"); }

Value Cluster::child(const std::string& id) const {
  const Value document = status();
  const Value& children = at(document, "children");
  for (std::size_t i = 0; i < size_of(children); ++i)
    if (string_of(at(at(children, i), "id")) == id) return at(children, i);
  return {};
}

pid_t Cluster::pid(const std::string& child_id) const {
  return static_cast<pid_t>(integer_of(at(child(child_id), "pid")));
}

std::int64_t Cluster::incarnation(const std::string& child_id) const {
  return integer_of(at(child(child_id), "incarnation"));
}

std::string Cluster::phase(const std::string& child_id) const { return string_of(at(child(child_id), "phase")); }

std::string Cluster::state() const { return string_of(at(at(status(), "cluster"), "state")); }

pid_t Cluster::signal_child(const std::string& child_id, int number) const {
  const pid_t victim = pid(child_id);
  REQUIRE(victim > 1);
  REQUIRE(::kill(victim, number) == 0);
  return victim;
}

void Cluster::kill_and_wait_ready(const std::string& child_id) {
  const pid_t victim = signal_child(child_id, SIGKILL);
  REQUIRE(eventually([&] {
    const pid_t now = pid(child_id);
    return now > 1 && now != victim && state() == "ready";
  }));
}

unsigned Cluster::shard_of(const Encoded& canonical_identifier) const {
  const WireReply map = client()->call(Operation::shard_map, Value(), Array{});
  REQUIRE(map.ok);
  const std::size_t slot = base::hash64(canonical_identifier.bytes) % 4096;
  return static_cast<unsigned>(integer_of(at(at(map.body, 1), slot)));
}

Finished Cluster::ctl(std::vector<std::string> arguments, const RunOptions& options) const {
  arguments.insert(arguments.begin(), {program_path("spexctl"), "--endpoint", endpoint()});
  return run_program(arguments, options);
}

std::string order_specification(const std::string& options, const std::string& name) {
  return "Specification: " + name + "\n" + options +
         "Transitions:\n"
         "created --[pay]-> paid\n"
         "created --[cancel]-> cancelled\n"
         "paid --[ship]-> shipped\n";
}

std::string order_model(const std::string& name, bool learning) {
  return "Specification: " + name + "\nLearning mode: " + (learning ? "true" : "false") +
         "\nTransitions:\n"
         "created --[cancel]-> cancelled\n"
         "created --[pay]-> paid\n"
         "nil --[__initialisation__]-> created\n"
         "packed --[ship]-> shipped\n"
         "paid --[ship]-> shipped\n";
}

}  // namespace spex::test
