// ControlForward: asks the supervisor's control socket for remote clients, one
// connection per command, without ever blocking. Bounded in commands at a time
// and in the size of an answer.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "transport/reactor.h"

namespace spex::router {

class ControlForward {
 public:
  using Done = std::function<void(base::Result<std::string>)>;

  ControlForward(transport::Reactor& reactor, std::string socket_path)
      : reactor_(reactor), socket_path_(std::move(socket_path)) {}
  ~ControlForward();

  // `done` gets the supervisor's line; or shard_unavailable if it does not listen,
  // overloaded, or deadline_exceeded. It is called once, perhaps at once.
  void ask(std::string_view line, base::MonotonicTime deadline, Done done);

 private:
  struct Exchange {
    base::UniqueFd fd;
    std::string to_send;
    std::string answer;
    Done done;
    transport::TimerId timer = 0;
  };

  void on_event(std::uint64_t number);
  void finish(std::uint64_t number, base::Result<std::string> result);

  transport::Reactor& reactor_;
  std::string socket_path_;
  std::unordered_map<std::uint64_t, Exchange> exchanges_;
  std::uint64_t next_ = 1;
};

}  // namespace spex::router
