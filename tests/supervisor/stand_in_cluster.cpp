#include "supervisor/stand_in_cluster.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <filesystem>
#include <sstream>

#include "base/unique_fd.h"
#include "protocol/json.h"

namespace spex::test {

StandInCluster::StandInCluster(unsigned shards) : shards_(shards) {
  std::filesystem::create_directories(dir_.file("bin"));
  std::filesystem::create_directories(dir_.file("run"));
  for (const char* name : {"spex-router", "spex-shard-worker"}) {
    std::filesystem::create_symlink(SPEX_TEST_CHILD, dir_.file("bin/") + name);
  }
}

void StandInCluster::behave(const std::string& child, const std::string& behaviour) const {
  write_whole_file(dir_.file("run/behaviour." + child), behaviour);
}

std::vector<std::string> StandInCluster::command_line() const {
  std::vector<std::string> line{SPEX_SPEXD,
                                "--data-dir",
                                dir_.file("data"),
                                "--run-dir",
                                dir_.file("run"),
                                "--specs-dir",
                                dir_.file("specs"),
                                "--impl-models-dir",
                                dir_.file("models"),
                                "--program-dir",
                                dir_.file("bin"),
                                "--distribution-factor",
                                std::to_string(shards_),
                                "--heartbeat-interval",
                                "20ms"};
  line.insert(line.end(), arguments.begin(), arguments.end());
  return line;
}

void StandInCluster::start() {
  ProgramOptions options;
  options.arguments = command_line();
  options.environment = environment;
  options.directory = dir_.path();
  options.output_file = options.error_file = dir_.file("log");
  spexd_.reset();
  spexd_.emplace(options);
}

void StandInCluster::start_ready() {
  start();
  const bool ready = eventually([&] { return state() == "ready"; });
  INFO(log());
  REQUIRE(ready);
}

int StandInCluster::stop() {
  spexd_->signal(SIGTERM);
  return spexd_->wait().value_or(-1);
}

std::string StandInCluster::ask_text(const std::string& command) const {
  const base::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const std::string path = dir_.file("run/control.sock");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return "";
  const std::string line = command + "\n";
  if (::send(fd.get(), line.data(), line.size(), MSG_NOSIGNAL) < 0) return "";
  std::string answer;
  char buffer[4'096];
  pollfd readable{fd.get(), POLLIN, 0};
  while (::poll(&readable, 1, 30'000) == 1) {
    const ssize_t got = ::recv(fd.get(), buffer, sizeof buffer, 0);
    if (got <= 0) break;
    answer.append(buffer, static_cast<std::size_t>(got));
  }
  return answer;
}

protocol::Value StandInCluster::ask(const std::string& command) const {
  auto parsed = protocol::parse_json(ask_text(command));
  return parsed ? std::move(*parsed) : protocol::Value();
}

std::string StandInCluster::state() const {
  const protocol::Value document = ask("status");
  const protocol::Value* cluster = document.find("cluster");
  const protocol::Value* state = cluster != nullptr ? cluster->find("state") : nullptr;
  return state != nullptr && state->string() != nullptr ? *state->string() : "";
}

protocol::Value StandInCluster::child(const std::string& id) const {
  const protocol::Value document = ask("status");
  const protocol::Value* children = document.find("children");
  if (children == nullptr || children->array() == nullptr) return {};
  for (const protocol::Value& child : *children->array()) {
    if (*child.find("id") == protocol::Value(id)) return child;
  }
  return {};
}

std::int64_t StandInCluster::number(const std::string& id, const std::string& key) const {
  const protocol::Value entry = child(id);
  const protocol::Value* value = entry.find(key);
  return value != nullptr && value->integer() != nullptr ? *value->integer() : -1;
}

std::string StandInCluster::text(const std::string& id, const std::string& key) const {
  const protocol::Value entry = child(id);
  const protocol::Value* value = entry.find(key);
  return value != nullptr && value->string() != nullptr ? *value->string() : "";
}

std::string StandInCluster::phase(const std::string& id) const { return text(id, "phase"); }
pid_t StandInCluster::pid(const std::string& id) const { return static_cast<pid_t>(number(id, "pid")); }

std::vector<std::string> StandInCluster::events() const {
  std::istringstream text(read_whole_file(dir_.file("run/events")));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

}  // namespace spex::test
