// The status document: what `spexctl status --json` prints, and the one line
// that systemd shows. Pure text from plain values; the supervisor fills them.
//
//   {"cluster": {…}, "children": [{…}, …]}
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "config/config.h"
#include "supervisor/child.h"

namespace spex::supervisor {

struct ClusterFacts {
  std::string cluster_id;
  ClusterState state = ClusterState::starting;
  int pid = 0;
  base::Duration uptime{};
  std::vector<std::string> problems;
};
// What is known of a child beside its state machine.
struct ProcessFacts {
  int pid = 0;        // 0: none
  std::string stats;  // the JSON object of its last heartbeat; empty: none yet
};

// `children` and `processes` have the same length.
std::string status_json(const config::Config& config, const ClusterFacts& facts, const std::vector<Child>& children,
                        const std::vector<ProcessFacts>& processes, base::MonotonicTime now);
// "ready: 4 of 4 shards, router running", with what is wrong.
std::string status_line(ClusterState state, const std::vector<Child>& children);

std::string json_list(const std::vector<std::string>& texts);  // ["…","…"]

}  // namespace spex::supervisor
