// <run_dir>/control.sock: administration beside the router, because the router
// may be what is broken. A client sends one line, gets one line of JSON, and
// the connection ends. Only our own user and root are heard. Knows no command.
#pragma once

#include <poll.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace spex::supervisor {

using ConnectionId = std::uint64_t;

struct ControlRequest {
  ConnectionId connection = 0;
  std::string line;  // without its end
};

class ControlSocket {
 public:
  ControlSocket() = default;
  static base::Result<ControlSocket> open(const std::string& path);

  void collect(std::vector<pollfd>& descriptors) const;
  // Accepts, reads and writes what can be done now; returns the requests that became whole.
  std::vector<ControlRequest> service(base::MonotonicTime now);
  // Answers and ends the connection; a client that has gone is no error.
  void answer(ConnectionId connection, std::string json);
  // Whether every answer has been taken; for the end of the service.
  bool idle() const;
  std::optional<base::MonotonicTime> deadline() const;

 private:
  struct Connection {
    base::UniqueFd fd;
    std::string input;
    std::string output;
    bool asked = false;     // its line is whole; the answer may take its time
    bool answered = false;  // ends when the output is written
    base::MonotonicTime expires;
  };
  void accept_waiting(base::MonotonicTime now);
  bool advance(ConnectionId id, Connection& connection, std::vector<ControlRequest>& requests, base::MonotonicTime now);

  base::UniqueFd listener_;
  std::map<ConnectionId, Connection> connections_;
  ConnectionId next_ = 1;
};

}  // namespace spex::supervisor
