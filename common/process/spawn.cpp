#include "process/spawn.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/assert.h"

extern char** environ;  // NOLINT: POSIX declares it nowhere

namespace spex::process {
namespace {

// Descriptors are first moved above this number, so that none of the wanted
// numbers is overwritten before it was copied.
constexpr int kScratchBase = 100;
constexpr int kDescriptorsMax = 16;

bool is_hidden(std::string_view variable, const std::vector<std::string>& hidden) {
  const std::string_view name = variable.substr(0, variable.find('='));
  return std::find(hidden.begin(), hidden.end(), name) != hidden.end();
}

// Everything that the child needs, made before fork: between fork and exec
// only async-signal-safe calls are allowed, and no allocation.
struct Prepared {
  explicit Prepared(const SpawnRequest& request_in) : request(request_in), parent(::getpid()) {
    arguments.push_back(const_cast<char*>(request.program.c_str()));
    for (const std::string& argument : request.arguments) arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    for (char** variable = environ; *variable != nullptr; ++variable) {
      if (!is_hidden(*variable, request.without_environment)) environment.push_back(*variable);
    }
    environment.push_back(nullptr);
    last_descriptor = 2;
    for (const auto& [ours, theirs] : request.descriptors) last_descriptor = std::max(last_descriptor, theirs);
    report = "failed exec " + request.program + ": ";
  }

  const SpawnRequest& request;
  pid_t parent;
  std::vector<char*> arguments;
  std::vector<char*> environment;
  int last_descriptor = 2;
  std::string report;
};

void reset_signals() {
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) ::sigaction(number, &standard, nullptr);  // some cannot be set: fine
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

bool place_descriptors(const SpawnRequest& request) {
  int scratch[kDescriptorsMax];
  int count = 0;
  for (const auto& [ours, theirs] : request.descriptors) {
    scratch[count] = ::fcntl(ours, F_DUPFD_CLOEXEC, kScratchBase);
    if (scratch[count++] < 0) return false;
  }
  count = 0;
  for (const auto& [ours, theirs] : request.descriptors) {
    if (::dup2(scratch[count++], theirs) < 0) return false;
  }
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  return null >= 0 && ::dup2(null, STDIN_FILENO) >= 0;
}

// Tells why exec failed, as a message of supervisor_channel.h.
void report_failure(const Prepared& prepared, int error) {
  if (prepared.request.report_descriptor < 0) return;
  const char* reason = ::strerrordesc_np(error);  // async-signal-safe, unlike strerror
  if (reason == nullptr) reason = "unknown error";
  iovec parts[2] = {{const_cast<char*>(prepared.report.data()), prepared.report.size()},
                    {const_cast<char*>(reason), std::strlen(reason)}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  ::sendmsg(prepared.request.report_descriptor, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

bool is_configuration_error(int error) {
  return error == ENOENT || error == EACCES || error == EPERM || error == ENOEXEC || error == ENOTDIR ||
         error == EISDIR || error == ELOOP || error == ENAMETOOLONG;
}

[[noreturn]] void become(const Prepared& prepared) {
  // The signal of the parent's death is asked for first. If the parent died
  // before that, the signal never comes, but then the parent is another one.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != prepared.parent) ::_exit(75);
  ::setpgid(0, 0);
  if (!place_descriptors(prepared.request)) ::_exit(75);
  ::syscall(SYS_close_range, static_cast<unsigned>(prepared.last_descriptor + 1), ~0U, CLOSE_RANGE_CLOEXEC);
  reset_signals();
  ::execve(prepared.request.program.c_str(), prepared.arguments.data(), prepared.environment.data());
  const int error = errno;
  report_failure(prepared, error);
  ::_exit(is_configuration_error(error) ? 78 : 75);
}

std::string_view exit_code_name(int code) {
  switch (code) {
    case 0:
      return " (clean)";
    case 64:
      return " (usage)";
    case 70:
      return " (broken invariant)";
    case 75:
      return " (try again)";
    case 78:
      return " (configuration)";
    default:
      return "";
  }
}

}  // namespace

base::Result<SpawnedProcess> spawn(const SpawnRequest& request) {
  SPEX_ASSERT(request.descriptors.size() <= kDescriptorsMax);
  const Prepared prepared(request);
  const pid_t pid = ::fork();
  if (pid == 0) become(prepared);
  if (pid < 0) return base::system_error("fork for " + request.program, errno, base::Reason::storage_open);
  // Not reaped yet, so the number cannot have been given to another process.
  base::UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd) {
    const auto error = base::system_error("pidfd_open for " + request.program, errno, base::Reason::storage_open);
    ::kill(pid, SIGKILL);
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    return error;
  }
  return SpawnedProcess{pid, std::move(pidfd)};
}

std::string to_string(const ExitStatus& status) {
  if (status.signal == 0) return "exit code " + std::to_string(status.code) + std::string(exit_code_name(status.code));
  const char* name = ::sigabbrev_np(status.signal);
  return "signal " + std::to_string(status.signal) + (name != nullptr ? " (SIG" + std::string(name) + ")" : "");
}

std::optional<ExitStatus> reap(pid_t pid) {
  int status = 0;
  const pid_t ended = ::waitpid(pid, &status, WNOHANG);
  if (ended == 0) return std::nullopt;
  SPEX_ASSERT(ended == pid);
  if (WIFSIGNALED(status)) return ExitStatus{0, WTERMSIG(status)};
  return ExitStatus{WEXITSTATUS(status), 0};
}

base::Result<std::pair<base::UniqueFd, base::UniqueFd>> make_channel_pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
    return base::system_error("make a channel", errno, base::Reason::storage_open);
  }
  return std::pair(base::UniqueFd(ends[0]), base::UniqueFd(ends[1]));
}

}  // namespace spex::process
