// PrivateCluster: a spexd in test mode in a directory of its own, for `learn`: it
// and everything in the directory is gone when the object is; spexd dies with
// this process, too.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace spex::ctl {

// A child process of spexctl. Signals are not blocked in it; its standard input,
// output and error are ours, unless `output` names a file for both of the latter.
struct StartRequest {
  std::vector<std::string> arguments;  // the first is the program, looked up in PATH
  std::vector<std::pair<std::string, std::string>> environment;
  std::string output;
  bool dies_with_us = false;
};
base::Result<pid_t> start_process(const StartRequest& request);
// The exit status as a shell has it (128 + signal); nothing if it still runs at the deadline.
std::optional<int> wait_for_process(pid_t pid, base::Duration timeout);

class PrivateCluster {
 public:
  struct Places {
    std::string specs_dir;
    std::string impl_models_dir;
  };
  // Starts it; does not wait until it serves. storage_* if the directory cannot be
  // made, invalid_argument if spexd is not beside this program.
  static base::Result<PrivateCluster> start(const Places& places);
  PrivateCluster(PrivateCluster&& other) noexcept;
  PrivateCluster& operator=(PrivateCluster&&) = delete;
  ~PrivateCluster();  // SIGTERM, then SIGKILL; removes the directory

  std::string endpoint() const { return "ipc://" + directory_ + "/run/frontend.sock"; }
  std::string run_dir() const { return directory_ + "/run"; }
  bool running();
  std::string log() const;  // what spexd wrote, its end

 private:
  PrivateCluster(std::string directory, pid_t pid) : directory_(std::move(directory)), pid_(pid) {}
  std::string directory_;
  pid_t pid_ = -1;
};

}  // namespace spex::ctl
