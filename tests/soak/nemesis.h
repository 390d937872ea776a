// Nemesis: a real cluster and the faults that are made in it: SIGKILL, SIGSTOP,
// dropped clients, stepped clocks, planned restarts. Runs in the caller's thread;
// the load goes on in its own.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "protocol/value.h"
#include "soak/history.h"
#include "soak/load.h"
#include "support/program.h"
#include "support/stepped_clock.h"

namespace spex::soak {

struct NemesisOptions {
  std::string dir;       // of the run; data, sockets and log of the cluster are inside
  std::string programs;  // folder of spexd and the others
  std::string clock_shim;
  unsigned shards = 4;
  std::string durability = "process";
  double faults_per_second = 2;
  std::uint64_t seed = 1;
  bool only_kills = false;  // of shards and router
};

class Nemesis {
 public:
  explicit Nemesis(NemesisOptions options);
  ~Nemesis();

  std::string endpoint() const { return "ipc://" + options_.dir + "/run/frontend.sock"; }
  // False if the cluster is not ready in time; its log says why.
  bool start();
  bool wait_ready(std::chrono::seconds patience);
  // Makes faults until `end`; `each_turn` is called several times a second.
  void torment(Load& load, HistoryWriter& history, std::chrono::steady_clock::time_point end,
               const std::function<void(std::size_t faults)>& each_turn);
  // No fault goes on after it; the cluster is whole again.
  bool calm();
  // SIGKILL of everything, and a new start.
  bool crash_and_recover(Load& load, HistoryWriter& history);
  // The exit code of a clean stop.
  std::optional<int> stop();

 private:
  struct Stopped {
    base::UniqueFd process;
    std::chrono::steady_clock::time_point until;
  };
  using Time = std::chrono::steady_clock::time_point;

  protocol::Value control(const std::string& command) const;
  std::string state() const;
  base::UniqueFd process_of(const std::string& child) const;
  void launch();
  bool make_fault(Load& load, HistoryWriter& history);
  bool signal_child(const std::string& child, int number);
  void stop_for(base::UniqueFd process, std::chrono::milliseconds time);
  bool kill_supervisor();
  void resume(Time now);
  std::string random_shard() { return "shard-" + std::to_string(1 + random_() % options_.shards); }
  std::uint64_t between(std::uint64_t low, std::uint64_t high) { return low + random_() % (high - low + 1); }

  NemesisOptions options_;
  std::mt19937_64 random_;
  test::SteppedClock clock_;
  std::optional<test::Program> supervisor_;
  std::vector<Stopped> stopped_;
};

}  // namespace spex::soak
