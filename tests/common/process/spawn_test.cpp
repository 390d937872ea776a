// Starts real processes, but only short ones of the base system.
#include "process/spawn.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>

#include "process/signals.h"
#include "support/temp_dir.h"
#include "support/text_file.h"

using namespace spex::process;

namespace {

// Runs to its end, at most ten seconds.
ExitStatus run(const SpawnRequest& request) {
  auto spawned = spawn(request);
  REQUIRE(spawned.ok());
  pollfd ended{spawned->pidfd.get(), POLLIN, 0};
  REQUIRE(::poll(&ended, 1, 10'000) == 1);
  const auto status = reap(spawned->pid);
  REQUIRE(status);
  return *status;
}

SpawnRequest shell(const std::string& script) {
  SpawnRequest request;
  request.program = "/bin/sh";
  request.arguments = {"-c", script};
  return request;
}

}  // namespace

TEST_CASE("how a child ended is told", "[process]") {
  CHECK(run(shell("exit 0")).clean());
  CHECK(to_string(run(shell("exit 78"))) == "exit code 78 (configuration)");
  CHECK(to_string(run(shell("exit 3"))) == "exit code 3");
  CHECK(to_string(run(shell("kill -9 $$"))) == "signal 9 (SIGKILL)");
}

TEST_CASE("a running child is not reaped", "[process]") {
  auto spawned = spawn(shell("exec sleep 60"));
  REQUIRE(spawned.ok());
  CHECK_FALSE(reap(spawned->pid));
  ::kill(spawned->pid, SIGKILL);
  pollfd ended{spawned->pidfd.get(), POLLIN, 0};
  REQUIRE(::poll(&ended, 1, 10'000) == 1);
  CHECK(reap(spawned->pid)->signal == SIGKILL);
}

TEST_CASE("a child has the descriptors named and no other", "[process]") {
  const spex::test::TempDir dir;
  const int leaked = ::fcntl(STDERR_FILENO, F_DUPFD, 50);  // not close-on-exec
  const int wanted = ::open(dir.file("out").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  SpawnRequest request = shell("exec ls /proc/self/fd >&3");
  request.descriptors = {{wanted, 3}};
  CHECK(run(request).clean());
  ::close(leaked);
  ::close(wanted);
  CHECK(spex::test::read_text(dir.file("out")) == "0\n1\n2\n3\n4\n");  // 4: the directory that ls reads
}

TEST_CASE("descriptors may trade places", "[process]") {
  const spex::test::TempDir dir;
  const int three = ::open(dir.file("a").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  const int four = ::open(dir.file("b").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  SpawnRequest request = shell("echo for-a >&" + std::to_string(four) + "; echo for-b >&" + std::to_string(three));
  REQUIRE(four < 10);  // the shell reads one digit
  request.descriptors = {{three, four}, {four, three}};
  CHECK(run(request).clean());
  ::close(three);
  ::close(four);
  CHECK(spex::test::read_text(dir.file("a")) == "for-a\n");
  CHECK(spex::test::read_text(dir.file("b")) == "for-b\n");
}

TEST_CASE("a child sees the environment without the hidden variables", "[process]") {
  ::setenv("NOTIFY_SOCKET", "/x", 1);
  ::setenv("SPEX_TEST_KEPT", "yes", 1);
  SpawnRequest request = shell("[ -z \"$NOTIFY_SOCKET\" ] && [ \"$SPEX_TEST_KEPT\" = yes ]");
  request.without_environment = {"NOTIFY_SOCKET"};
  CHECK(run(request).clean());
  ::unsetenv("NOTIFY_SOCKET");
  ::unsetenv("SPEX_TEST_KEPT");
}

TEST_CASE("a child starts with no signal blocked or ignored", "[process]") {
  const auto blocked = SignalFd::create({SIGUSR1});
  ignore_failure_signals();
  // grep itself looks, because a waiting shell blocks signals.
  for (const std::string set : {"SigBlk", "SigIgn"}) {
    CHECK(run(shell("exec grep -q '^" + set + ":\t0*$' /proc/self/status")).clean());
  }
}

TEST_CASE("a child leads a process group of its own", "[process]") {
  CHECK(run(shell("[ $(cut -d ' ' -f 5 /proc/$$/stat) = $$ ]")).clean());
}

TEST_CASE("a program that is missing or none is reported on the channel", "[process]") {
  for (const std::string program : {"/nonexistent/program", "/etc/passwd", "/tmp"}) {
    auto channel = make_channel_pair();
    REQUIRE(channel.ok());
    SpawnRequest request;
    request.program = program;
    request.descriptors = {{channel->second.get(), 3}};
    request.report_descriptor = 3;
    CHECK(run(request).code == 78);
    char buffer[512];
    const ssize_t got = ::recv(channel->first.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    REQUIRE(got > 0);
    CHECK(std::string(buffer, static_cast<std::size_t>(got)).starts_with("failed exec " + program + ": "));
  }
}

TEST_CASE("signals are read from a descriptor", "[process]") {
  auto signals = SignalFd::create({SIGUSR2, SIGHUP});
  REQUIRE(signals.ok());
  CHECK_FALSE(signals->next());
  ::raise(SIGUSR2);
  CHECK(signals->next() == SIGUSR2);
  CHECK_FALSE(signals->next());
}
