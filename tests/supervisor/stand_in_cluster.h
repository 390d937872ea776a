// StandInCluster: a real spexd whose router and shards are test_child, which
// misbehaves on demand. For the supervisor's process tests.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "protocol/value.h"
#include "support/program.h"
#include "support/temp_dir.h"

namespace spex::test {

class StandInCluster {
 public:
  explicit StandInCluster(unsigned shards = 3);

  // Further options of spexd, before start().
  std::vector<std::string> arguments;
  std::vector<std::pair<std::string, std::string>> environment;

  // What the child does at its next start: "exit 78", "mute", …; see test_child.cpp.
  void behave(const std::string& child, const std::string& behaviour) const;
  void start();        // returns when spexd runs
  void start_ready();  // returns when all children serve
  int stop();          // SIGTERM; the exit code
  std::optional<int> wait() { return spexd_->wait(); }
  Program& spexd() { return *spexd_; }

  protocol::Value ask(const std::string& command) const;  // over the control socket; nil if nobody answers
  std::string ask_text(const std::string& command) const;
  std::string state() const;
  protocol::Value child(const std::string& id) const;  // its entry in the status
  std::string phase(const std::string& id) const;
  pid_t pid(const std::string& id) const;
  std::int64_t number(const std::string& id, const std::string& key) const;  // -1 if it is none
  std::string text(const std::string& id, const std::string& key) const;
  std::vector<std::string> events() const;  // what the children did, in order
  std::string log() const { return read_whole_file(dir_.file("log")); }
  // Every process that mentions the private directory.
  std::vector<pid_t> processes() const { return processes_mentioning(dir_.path()); }

  std::string file(const std::string& name) const { return dir_.file(name); }
  std::vector<std::string> command_line() const;

 private:
  unsigned shards_;
  TempDir dir_;
  std::optional<Program> spexd_;
};

}  // namespace spex::test
