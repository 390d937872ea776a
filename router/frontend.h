// Frontend: the ROUTER socket that clients talk to, on all endpoints. Takes
// messages apart into routing id, delimiter and payload, and sends replies.
// Notices when somebody else took over, or removed, an ipc path it listens on.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "router/dispatcher.h"
#include "transport/reactor.h"
#include "transport/socket.h"

namespace spex::router {

class Frontend {
 public:
  // Binds every endpoint. Fails with invalid_argument where it can never be
  // bound, with storage_open where the system refuses it now.
  static base::Result<Frontend> open(transport::Context& context, const config::Config& config);

  // Gives what waits, up to a number of messages, to the dispatcher; tries again
  // what could not be sent before. Whether it did anything.
  bool on_ready(Dispatcher& dispatcher, base::MonotonicTime now);
  void flush(Dispatcher& dispatcher, base::MonotonicTime now);

  transport::Socket& socket() { return socket_; }
  // The ipc path that is no longer this socket's; empty while all are.
  std::string lost_path() const;

 private:
  struct BoundPath {
    std::string path;
    dev_t device = 0;
    ino_t inode = 0;
  };

  explicit Frontend(transport::Socket socket) : socket_(std::move(socket)) {}
  base::Result<void> bind(const std::string& endpoint);
  transport::SendOutcome send(std::string_view routing_id, bool is_delimited, std::string_view message);

  transport::Socket socket_;
  transport::Message message_;
  std::vector<BoundPath> paths_;
};

}  // namespace spex::router
