// Cluster: a real spexd with its router and shards in a private directory, for
// the suite `cluster`. Asserts with Catch: readiness in time, a clean stop
// with exit status 0, no process left behind, no sanitizer report. A failed
// test shows the cluster's log.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "support/program.h"
#include "support/temp_dir.h"
#include "support/wire_client.h"

namespace spex::test {

struct ClusterOptions {
  unsigned shards = 1;
  std::string durability = "process";         // tests of loss of power do not exist; of SIGKILL this suffices
  std::vector<std::string> arguments;         // further options of spexd
  std::map<std::string, std::string> specs;   // file name -> text
  std::map<std::string, std::string> models;  // file name -> text
  std::vector<std::pair<std::string, std::string>> environment;
  std::string data_dir;                         // empty: inside the private directory
  std::optional<std::uint64_t> file_bytes_max;  // RLIMIT_FSIZE of all processes
};

class Cluster {
 public:
  // Writes the files, starts nothing.
  explicit Cluster(ClusterOptions options);
  ~Cluster();  // SIGKILLs what still runs
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  // Starts spexd and returns when the cluster is ready.
  void start();
  void start_without_waiting();
  void wait_ready();
  // SIGTERM; requires exit status 0 in time, no orphan, a clean log.
  void stop(std::chrono::milliseconds deadline = kPatience);
  // SIGKILL of the supervisor; requires that all children end, too.
  void kill_supervisor();
  Program& supervisor() { return *supervisor_; }
  ClusterOptions& options() { return options_; }
  unsigned shards() const { return options_.shards; }

  std::unique_ptr<WireClient> client(std::optional<std::uint64_t> id = std::nullopt) const;

  // From the control socket; nil if nobody answers.
  Value status() const;
  Value control(const std::string& command) const;
  Value child(const std::string& id) const;  // its entry in status, nil if there is none
  pid_t pid(const std::string& child_id) const;
  std::int64_t incarnation(const std::string& child_id) const;
  std::string phase(const std::string& child_id) const;
  std::string state() const;  // of the cluster
  // SIGKILL (or another) to a child; returns its pid.
  pid_t signal_child(const std::string& child_id, int number) const;
  // Kills the child and returns when the cluster is ready with a new one.
  void kill_and_wait_ready(const std::string& child_id);
  // The shard that owns the identifier, asked from the cluster's own map.
  unsigned shard_of(const Encoded& canonical_identifier) const;

  const std::string& dir() const { return dir_.path(); }
  std::string data_dir() const;
  std::string run_dir() const { return dir_.file("run"); }
  std::string specs_dir() const { return dir_.file("specs"); }
  std::string models_dir() const { return dir_.file("models"); }
  std::string endpoint() const { return "ipc://" + run_dir() + "/frontend.sock"; }
  std::string log() const { return read_whole_file(dir_.file("log")); }
  std::vector<pid_t> processes() const;  // of the cluster; a test's own spexctl is none
  // spexctl with --endpoint put in front.
  Finished ctl(std::vector<std::string> arguments, const RunOptions& options = {}) const;
  std::vector<std::string> command_line() const;
  // The folder of spexd, from the next start on; it takes the other programs from beside itself.
  void use_programs(const std::string& folder) { programs_ = folder; }

 private:
  void require_clean_log() const;

  ClusterOptions options_;
  TempDir dir_;
  std::optional<Program> supervisor_;
  std::string programs_ = programs_dir();
  unsigned failures_before_ = 0;
};

// An order: created, then paid or cancelled, then shipped. The closed model has
// the same states and, unreachable, `packed`, from which `ship` is possible too.
std::string order_specification(const std::string& options = "", const std::string& name = "order");
std::string order_model(const std::string& name = "order", bool learning = false);

}  // namespace spex::test
