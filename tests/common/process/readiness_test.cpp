#include "process/readiness.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "support/temp_dir.h"

using namespace spex::process;
using namespace std::chrono_literals;

namespace {

// A service manager's socket; NOTIFY_SOCKET names it while it exists.
class Listener {
 public:
  explicit Listener(const std::string& name) : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name[0] == '@') address.sun_path[0] = '\0';
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    REQUIRE(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), length) == 0);
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
  }
  ~Listener() { ::unsetenv("NOTIFY_SOCKET"); }

  std::string next() {
    char buffer[4'096];
    const ssize_t got = ::recv(fd_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    return got < 0 ? "" : std::string(buffer, static_cast<std::size_t>(got));
  }

 private:
  spex::base::UniqueFd fd_;
};

void expect_dialogue(Listener& listener) {
  ServiceManager manager = ServiceManager::from_environment();
  CHECK(manager.enabled());
  manager.ready("4 of 4");
  CHECK(listener.next() == "READY=1\nSTATUS=4 of 4");
  manager.status("two\nlines");
  CHECK(listener.next() == "STATUS=two lines");
  manager.reloading(spex::base::MonotonicTime(1'500us));
  CHECK(listener.next() == "RELOADING=1\nMONOTONIC_USEC=1500");
  manager.watchdog();
  CHECK(listener.next() == "WATCHDOG=1");
  manager.extend_timeout(2s);
  CHECK(listener.next() == "EXTEND_TIMEOUT_USEC=2000000");
  manager.stopping("bye");
  CHECK(listener.next() == "STOPPING=1\nSTATUS=bye");
}

}  // namespace

TEST_CASE("the service manager is told over a socket with a path", "[process]") {
  const spex::test::TempDir dir;
  Listener listener(dir.file("notify"));
  expect_dialogue(listener);
}

TEST_CASE("the service manager is told over an abstract socket", "[process]") {
  Listener listener("@spex-test-" + std::to_string(::getpid()));
  expect_dialogue(listener);
}

TEST_CASE("without a service manager nothing is said", "[process]") {
  ::unsetenv("NOTIFY_SOCKET");
  ServiceManager manager = ServiceManager::from_environment();
  CHECK_FALSE(manager.enabled());
  CHECK_FALSE(manager.watchdog_interval());
  manager.ready("");
  manager.watchdog();
}

TEST_CASE("the watchdog is fed at half its limit, if it is meant for this process", "[process]") {
  const spex::test::TempDir dir;
  Listener listener(dir.file("notify"));
  const auto interval = [](const char* limit, const std::string& pid) {
    ::setenv("WATCHDOG_USEC", limit, 1);
    pid.empty() ? ::unsetenv("WATCHDOG_PID") : ::setenv("WATCHDOG_PID", pid.c_str(), 1);
    const auto result = ServiceManager::from_environment().watchdog_interval();
    ::unsetenv("WATCHDOG_USEC");
    ::unsetenv("WATCHDOG_PID");
    return result;
  };
  CHECK(interval("3000000", "") == spex::base::Duration(1'500ms));
  CHECK(interval("3000000", std::to_string(::getpid())) == spex::base::Duration(1'500ms));
  CHECK_FALSE(interval("3000000", "1"));
  CHECK_FALSE(interval("soon", ""));
  CHECK_FALSE(interval("0", ""));
}
