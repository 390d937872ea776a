#include "support/program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/assert.h"
#include "base/unique_fd.h"
#include "support/temp_dir.h"

extern char** environ;

namespace spex::test {
namespace {

std::vector<std::string> environment_with(const std::vector<std::pair<std::string, std::string>>& changes) {
  std::vector<std::string> lines;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string line = *entry;
    const std::string name = line.substr(0, line.find('='));
    // Settings of the person who runs the tests must not reach the programs.
    if (name.rfind("SPEX_", 0) == 0) continue;
    const bool changed =
        std::any_of(changes.begin(), changes.end(), [&](const auto& change) { return change.first == name; });
    if (!changed) lines.push_back(line);
  }
  for (const auto& [name, value] : changes)
    if (!value.empty()) lines.push_back(name + "=" + value);
  return lines;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (std::string& string : strings) result.push_back(string.data());
  result.push_back(nullptr);
  return result;
}

// Between fork and exec: only what is safe in a child of a process with threads.
[[noreturn]] void become(const ProgramOptions& options, char** arguments, char** environment) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const int in = ::open(options.input_file.c_str(), O_RDONLY);
  const int out = ::open(options.output_file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  const int err = ::open(options.error_file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (in < 0 || out < 0 || err < 0) ::_exit(126);
  ::dup2(in, 0);
  ::dup2(out, 1);
  ::dup2(err, 2);
  for (int fd = 3; fd < 256; ++fd) ::close(fd);
  if (options.file_bytes_max) {
    const rlimit limit{*options.file_bytes_max, RLIM_INFINITY};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  if (options.umask) ::umask(*options.umask);
  if (!options.directory.empty() && ::chdir(options.directory.c_str()) != 0) ::_exit(126);
  ::execvpe(arguments[0], arguments, environment);
  ::_exit(127);
}

int exit_code_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

}  // namespace

Program::Program(const ProgramOptions& options) {
  std::vector<std::string> arguments = options.arguments;
  std::vector<std::string> environment = environment_with(options.environment);
  const auto argument_pointers = pointers(arguments);
  const auto environment_pointers = pointers(environment);
  pid_ = ::fork();
  SPEX_ASSERT(pid_ >= 0);
  if (pid_ == 0)
    become(options, const_cast<char**>(argument_pointers.data()), const_cast<char**>(environment_pointers.data()));
}

Program::Program(Program&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), status_(std::exchange(other.status_, std::nullopt)) {}

Program::~Program() {
  if (!running()) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

bool Program::running() { return pid_ > 0 && !wait(std::chrono::milliseconds(0)); }

void Program::signal(int number) const {
  if (pid_ > 0) ::kill(pid_, number);
}

std::optional<int> Program::wait(std::chrono::milliseconds deadline) {
  if (status_ || pid_ <= 0) return status_;
  const base::UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  pollfd poll_entry{pidfd.get(), POLLIN, 0};
  if (::poll(&poll_entry, 1, static_cast<int>(deadline.count())) != 1) return std::nullopt;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) == pid_) status_ = exit_code_of(status);
  return status_;
}

Finished run_program(const std::vector<std::string>& arguments, const RunOptions& options) {
  const TempDir dir;
  write_whole_file(dir.file("in"), options.input);
  ProgramOptions start;
  start.arguments = arguments;
  start.environment = options.environment;
  start.directory = options.directory;
  start.input_file = dir.file("in");
  start.output_file = dir.file("out");
  start.error_file = dir.file("err");
  Finished finished;
  Program program(start);
  finished.exit_code = program.wait(options.deadline).value_or(-1);
  finished.out = read_whole_file(dir.file("out"));
  finished.err = read_whole_file(dir.file("err"));
  return finished;
}

std::string programs_dir() {
  const char* dir = std::getenv("SPEX_TEST_PROGRAMS");
  return dir != nullptr ? dir : SPEX_TEST_PROGRAMS_DIR;
}

std::string program_path(const std::string& name) { return programs_dir() + "/" + name; }

std::vector<pid_t> processes_mentioning(const std::string& text) {
  std::vector<pid_t> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const auto pid = static_cast<pid_t>(std::stol(name));
    if (pid == ::getpid()) continue;
    if (read_whole_file("/proc/" + name + "/cmdline").find(text) != std::string::npos && process_exists(pid))
      found.push_back(pid);
  }
  return found;
}

bool process_exists(pid_t pid) {
  const std::string stat = read_whole_file("/proc/" + std::to_string(pid) + "/stat");
  const std::size_t name_end = stat.rfind(')');
  return name_end != std::string::npos && name_end + 2 < stat.size() && stat[name_end + 2] != 'Z' &&
         stat[name_end + 2] != 'X';
}

std::uint64_t resident_bytes(pid_t pid) {
  std::istringstream statm(read_whole_file("/proc/" + std::to_string(pid) + "/statm"));
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  statm >> size >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::string read_whole_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

void write_whole_file(const std::string& path, const std::string& content) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << content;
  file.close();
  SPEX_ASSERT(file.good());
}

}  // namespace spex::test
