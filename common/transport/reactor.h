// Reactor: the one place of a single-threaded process that blocks. Watches
// ZeroMQ sockets (by their descriptor), plain descriptors and timers in one
// ppoll(2); runs callbacks posted by a helper thread.
//
// Only sockets whose descriptor fired, or that were used since they were last
// found empty, are looked at; so a turn costs the same with 1 and 1,000 idle
// sockets. Callbacks may add and remove anything, themselves too. Not
// thread-safe but for post(). Used by router, shard worker and the C++ client.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/clock.h"
#include "transport/socket.h"

namespace spex::transport {

using TimerId = std::uint64_t;  // 0 is never used

class Reactor {
 public:
  explicit Reactor(const base::Clock& clock);
  ~Reactor();
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  // `on_ready` is called when messages may wait or a full queue may have room:
  // receive until empty, or leave the rest for the next turn (fairness), and try
  // again what could not be sent. It answers whether it did anything. The
  // socket must be neither moved nor destroyed before remove().
  void add(Socket& socket, std::function<bool()> on_ready);
  void remove(Socket& socket);

  // `events` as for poll(2): POLLIN, POLLOUT; POLLERR and POLLHUP are always told.
  void add_fd(int fd, short events, std::function<void(short)> on_event);
  void set_fd_events(int fd, short events);
  void remove_fd(int fd);

  // Timers run once, in order of their time. Cancelling one that ran is allowed.
  TimerId run_at(base::MonotonicTime time, std::function<void()> callback);
  TimerId run_after(base::Duration delay, std::function<void()> callback);
  void cancel(TimerId timer);

  // From any thread: runs `callback` in the reactor's thread, soon.
  void post(std::function<void()> callback);

  // One turn: waits until something happens, at most `max_wait`, and runs the
  // callbacks that are due. Answers whether any callback did something.
  // Does not wait while a socket may still have something to read.
  bool run_once(base::Duration max_wait);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace spex::transport
