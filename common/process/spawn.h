// Starting a child process: fork and exec at once, nothing else in between.
//
// The child gets exactly the descriptors named, a clean signal state, its own
// process group (so that Ctrl-C reaches the supervisor only) and SIGKILL when
// the parent dies, also if that happens before exec. Never call it from a
// process with threads or a ZeroMQ context. Only the supervisor and ctl do.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace spex::process {

struct SpawnRequest {
  std::string program;                           // path; PATH is not searched
  std::vector<std::string> arguments;            // without the program's name
  std::vector<std::pair<int, int>> descriptors;  // (ours, its number in the child >= 3)
  std::vector<std::string> without_environment;  // variables that the child must not see
  // The child's number of a seqpacket descriptor that gets `failed exec …` if exec fails; -1: none.
  int report_descriptor = -1;
};

struct SpawnedProcess {
  pid_t pid = 0;
  base::UniqueFd pidfd;  // readable when the process has ended
};

// Returns when the child exists; a failing exec shows as exit code 78 (the
// program is missing or no program) or 75, with a report as above.
base::Result<SpawnedProcess> spawn(const SpawnRequest& request);

// How a process ended.
struct ExitStatus {
  int code = 0;    // if signal is 0
  int signal = 0;  // 0: it exited by itself
  bool clean() const { return code == 0 && signal == 0; }
  bool operator==(const ExitStatus&) const = default;
};
std::string to_string(const ExitStatus& status);  // "exit code 78 (configuration)", "signal 9 (SIGKILL)"

// Collects an ended child; nothing while it runs. `pid` must be an unreaped child of this process.
std::optional<ExitStatus> reap(pid_t pid);

// A connected AF_UNIX SOCK_SEQPACKET pair, close-on-exec and non-blocking.
base::Result<std::pair<base::UniqueFd, base::UniqueFd>> make_channel_pair();

}  // namespace spex::process
