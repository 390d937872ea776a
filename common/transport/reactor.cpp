#include "transport/reactor.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/unique_fd.h"

namespace spex::transport {

using base::Duration;
using base::MonotonicTime;

struct Reactor::Impl {
  struct WatchedSocket {
    Socket* socket = nullptr;
    std::function<bool()> on_ready;
  };

  struct WatchedFd {
    int fd = -1;
    short events = 0;
    std::function<void(short)> on_event;
  };

  struct TimerKey {
    MonotonicTime time;
    TimerId id = 0;
    auto operator<=>(const TimerKey&) const = default;
  };

  explicit Impl(const base::Clock& clock_of_loop)
      : clock(clock_of_loop), wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    SPEX_ASSERT(wake);
  }

  bool run_stale_sockets();
  bool wait(Duration max_wait);
  bool run_timers();
  bool run_posted();
  Duration until_next_timer(Duration max_wait) const;
  void forget_removed();

  const base::Clock& clock;
  // Entries are shared so that a callback may remove its own: it stays alive until it returns.
  std::vector<std::shared_ptr<WatchedSocket>> sockets;
  std::vector<std::shared_ptr<WatchedFd>> fds;
  bool has_removed = false;
  std::map<TimerKey, std::function<void()>> timers;
  std::map<TimerId, MonotonicTime> timer_times;
  TimerId next_timer = 1;
  std::vector<pollfd> polled;
  // What `polled` stands for, of this turn.
  std::vector<std::shared_ptr<WatchedSocket>> polled_sockets;
  std::vector<std::shared_ptr<WatchedFd>> polled_fds;
  bool changed = true;  // `polled` must be made anew

  base::UniqueFd wake;
  std::mutex posted_mutex;
  std::vector<std::function<void()>> posted;
};

bool Reactor::Impl::run_stale_sockets() {
  bool did = false;
  for (std::size_t i = 0; i < sockets.size(); ++i) {
    const std::shared_ptr<WatchedSocket> entry = sockets[i];
    if (entry->socket == nullptr || !entry->socket->stale()) continue;
    did = entry->on_ready() || did;
  }
  return did;
}

Duration Reactor::Impl::until_next_timer(Duration max_wait) const {
  if (timers.empty()) return max_wait;
  const Duration left = timers.begin()->first.time - clock.monotonic();
  return std::clamp(left, Duration::zero(), max_wait);
}

bool Reactor::Impl::wait(Duration max_wait) {
  if (changed) {
    polled.clear();
    polled_sockets.clear();
    polled_fds.clear();
    polled.push_back({wake.get(), POLLIN, 0});
    for (const auto& entry : sockets) {
      polled.push_back({entry->socket->fd(), POLLIN, 0});
      polled_sockets.push_back(entry);
    }
    for (const auto& entry : fds) {
      polled.push_back({entry->fd, entry->events, 0});
      polled_fds.push_back(entry);
    }
    changed = false;
  }
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(max_wait);
  const timespec timeout{static_cast<time_t>(seconds.count()), static_cast<long>((max_wait - seconds).count())};
  const int count = ::ppoll(polled.data(), polled.size(), &timeout, nullptr);
  if (count <= 0) {
    SPEX_ASSERT(count == 0 || errno == EINTR);
    return false;
  }
  bool did = run_posted();
  for (std::size_t i = 0; i < polled_sockets.size(); ++i) {
    if (polled[1 + i].revents == 0) continue;
    const std::shared_ptr<WatchedSocket> entry = polled_sockets[i];
    if (entry->socket != nullptr) did = entry->on_ready() || did;
  }
  for (std::size_t i = 0; i < polled_fds.size(); ++i) {
    const short happened = polled[1 + polled_sockets.size() + i].revents;
    const std::shared_ptr<WatchedFd> entry = polled_fds[i];
    if (happened == 0 || entry->fd < 0) continue;
    entry->on_event(happened);
    did = true;
  }
  return did;
}

bool Reactor::Impl::run_timers() {
  bool did = false;
  // Those that callbacks add for now or earlier wait for the next turn: a turn is bounded.
  const TimerKey end{clock.monotonic(), next_timer};
  while (!timers.empty() && timers.begin()->first < end) {
    const auto callback = std::move(timers.begin()->second);
    timer_times.erase(timers.begin()->first.id);
    timers.erase(timers.begin());
    callback();
    did = true;
  }
  return did;
}

bool Reactor::Impl::run_posted() {
  std::uint64_t count = 0;
  if (::read(wake.get(), &count, sizeof count) < 0) return false;
  std::vector<std::function<void()>> callbacks;
  {
    const std::lock_guard lock(posted_mutex);
    callbacks.swap(posted);
  }
  for (const auto& callback : callbacks) callback();
  return !callbacks.empty();
}

void Reactor::Impl::forget_removed() {
  if (!has_removed) return;
  std::erase_if(sockets, [](const auto& entry) { return entry->socket == nullptr; });
  std::erase_if(fds, [](const auto& entry) { return entry->fd < 0; });
  has_removed = false;
}

Reactor::Reactor(const base::Clock& clock) : impl_(std::make_unique<Impl>(clock)) {}
Reactor::~Reactor() = default;

void Reactor::add(Socket& socket, std::function<bool()> on_ready) {
  impl_->sockets.push_back(std::make_shared<Impl::WatchedSocket>(Impl::WatchedSocket{&socket, std::move(on_ready)}));
  impl_->changed = true;
}

void Reactor::remove(Socket& socket) {
  for (const auto& entry : impl_->sockets) {
    if (entry->socket == &socket) entry->socket = nullptr;
  }
  impl_->has_removed = impl_->changed = true;
}

void Reactor::add_fd(int fd, short events, std::function<void(short)> on_event) {
  SPEX_ASSERT(fd >= 0);
  impl_->fds.push_back(std::make_shared<Impl::WatchedFd>(Impl::WatchedFd{fd, events, std::move(on_event)}));
  impl_->changed = true;
}

void Reactor::set_fd_events(int fd, short events) {
  for (const auto& entry : impl_->fds) {
    if (entry->fd == fd) entry->events = events;
  }
  impl_->changed = true;
}

void Reactor::remove_fd(int fd) {
  for (const auto& entry : impl_->fds) {
    if (entry->fd == fd) entry->fd = -1;
  }
  impl_->has_removed = impl_->changed = true;
}

TimerId Reactor::run_at(MonotonicTime time, std::function<void()> callback) {
  const TimerId id = impl_->next_timer++;
  impl_->timers.emplace(Impl::TimerKey{time, id}, std::move(callback));
  impl_->timer_times.emplace(id, time);
  return id;
}

TimerId Reactor::run_after(Duration delay, std::function<void()> callback) {
  return run_at(impl_->clock.monotonic() + delay, std::move(callback));
}

void Reactor::cancel(TimerId timer) {
  const auto found = impl_->timer_times.find(timer);
  if (found == impl_->timer_times.end()) return;
  impl_->timers.erase(Impl::TimerKey{found->second, timer});
  impl_->timer_times.erase(found);
}

void Reactor::post(std::function<void()> callback) {
  {
    const std::lock_guard lock(impl_->posted_mutex);
    impl_->posted.push_back(std::move(callback));
  }
  const std::uint64_t one = 1;
  // Fails only when the counter is full, and then the reactor is awake anyway.
  [[maybe_unused]] const auto written = ::write(impl_->wake.get(), &one, sizeof one);
}

bool Reactor::run_once(Duration max_wait) {
  impl_->forget_removed();
  // What is waiting already is read before anything is polled: at low load this
  // saves a system call per message. `did` work must not wait for more.
  bool did = impl_->run_stale_sockets();
  impl_->forget_removed();
  const bool any_stale = std::any_of(impl_->sockets.begin(), impl_->sockets.end(),
                                     [](const auto& entry) { return entry->socket->stale(); });
  const bool may_wait = !did && !any_stale;
  did = impl_->wait(may_wait ? impl_->until_next_timer(max_wait) : Duration::zero()) || did;
  did = impl_->run_timers() || did;
  impl_->forget_removed();
  return did;
}

}  // namespace spex::transport
