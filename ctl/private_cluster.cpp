#include "ctl/private_cluster.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "conformance/model_directory.h"

namespace spex::ctl {
namespace {

constexpr int kExecFailed = 127;
constexpr base::Duration kStopPatience = std::chrono::seconds(10);

[[noreturn]] void become(const StartRequest& request, char* const* arguments, pid_t parent) {
  if (request.dies_with_us) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(kExecFailed);
    ::setpgid(0, 0);  // Ctrl-C is for the command; spexd is stopped when that has ended
  }
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::signal(signal, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (!request.output.empty()) {
    const int file = ::open(request.output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    const int input = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (file < 0 || input < 0) ::_exit(kExecFailed);
    ::dup2(input, STDIN_FILENO);
    ::dup2(file, STDOUT_FILENO);
    ::dup2(file, STDERR_FILENO);
  }
  for (const auto& [name, value] : request.environment) ::setenv(name.c_str(), value.c_str(), 1);
  ::execvp(arguments[0], arguments);
  ::_exit(kExecFailed);
}

}  // namespace

base::Result<pid_t> start_process(const StartRequest& request) {
  std::vector<std::string> copies = request.arguments;
  std::vector<char*> arguments;
  for (std::string& argument : copies) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return base::system_error("start " + request.arguments.front(), errno);
  if (pid == 0) become(request, arguments.data(), parent);
  return pid;
}

std::optional<int> wait_for_process(pid_t pid, base::Duration timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    int status = 0;
    const pid_t ended = ::waitpid(pid, &status, WNOHANG);
    if (ended == pid) return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (ended < 0 && errno != EINTR) return 128;
    if (std::chrono::steady_clock::now() >= deadline) return std::nullopt;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

base::Result<PrivateCluster> PrivateCluster::start(const Places& places) {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::string spexd = (self.parent_path() / "spexd").string();
  if (error || ::access(spexd.c_str(), X_OK) != 0) {
    return base::fail(base::Reason::invalid_argument, "there is no program spexd beside spexctl (" + spexd + ")");
  }
  const char* base_dir = std::getenv("TMPDIR");
  // A socket's path is short; a long TMPDIR would leave no room for it.
  std::string directory = base_dir != nullptr && std::string_view(base_dir).size() < 50 ? base_dir : "/tmp";
  directory += "/spex-learn-XXXXXX";
  if (::mkdtemp(directory.data()) == nullptr) return base::system_error("make " + directory, errno);
  StartRequest request;
  request.arguments = {
      spexd,          "--test-mode",      "--data-dir",        directory + "/data",
      "--run-dir",    directory + "/run", "--endpoint",        "ipc://" + directory + "/run/frontend.sock",
      "--specs-dir",  places.specs_dir,   "--impl-models-dir", places.impl_models_dir,
      "--durability", "process"};
  request.output = directory + "/spexd.log";
  request.dies_with_us = true;
  auto pid = start_process(request);
  if (!pid.ok()) {
    std::filesystem::remove_all(directory, error);
    return pid.error();
  }
  return PrivateCluster(directory, *pid);
}

PrivateCluster::PrivateCluster(PrivateCluster&& other) noexcept
    : directory_(std::move(other.directory_)), pid_(std::exchange(other.pid_, -1)) {
  other.directory_.clear();
}

PrivateCluster::~PrivateCluster() {
  if (pid_ > 0) {
    ::kill(pid_, SIGTERM);
    if (!wait_for_process(pid_, kStopPatience)) {
      ::kill(pid_, SIGKILL);
      (void)wait_for_process(pid_, kStopPatience);
    }
  }
  std::error_code ignored;
  if (!directory_.empty()) std::filesystem::remove_all(directory_, ignored);
}

bool PrivateCluster::running() {
  if (pid_ > 0 && wait_for_process(pid_, base::Duration::zero())) pid_ = -1;
  return pid_ > 0;
}

std::string PrivateCluster::log() const {
  constexpr std::size_t kShown = 2000;
  const auto text = conformance::read_file(directory_ + "/spexd.log");
  if (!text.ok()) return "";
  return text->substr(text->size() - std::min(text->size(), kShown));
}

}  // namespace spex::ctl
