// Program: one real process started by a test, killed with it; run_program:
// the same for one that ends by itself. Output goes to files, so that no
// pipe can block and a failed test can show it.
//
// Start programs from the test's main thread only: they ask for SIGKILL when
// the thread that started them ends.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/wait.h"

namespace spex::test {

struct ProgramOptions {
  std::vector<std::string> arguments;                            // the first is the program, looked up in PATH
  std::vector<std::pair<std::string, std::string>> environment;  // added to ours; an empty value removes
  std::string directory;                                         // working directory; empty: ours
  std::string input_file = "/dev/null";
  std::string output_file = "/dev/null";        // appended to
  std::string error_file = "/dev/null";         // appended to; may be the same as output_file
  std::optional<std::uint64_t> file_bytes_max;  // RLIMIT_FSIZE
  std::optional<unsigned> umask;
};

class Program {
 public:
  explicit Program(const ProgramOptions& options);
  Program(Program&& other) noexcept;
  Program& operator=(Program&&) = delete;
  ~Program();  // SIGKILL, if it still runs

  pid_t pid() const { return pid_; }
  bool running();
  void signal(int number) const;
  // Exit code, or 128 + signal; nothing if it still runs at the deadline.
  std::optional<int> wait(std::chrono::milliseconds deadline = kPatience);

 private:
  pid_t pid_ = -1;
  std::optional<int> status_;
};

struct Finished {
  int exit_code = -1;  // 128 + signal if killed, -1 if it had to be killed at the deadline
  std::string out;
  std::string err;
};
struct RunOptions {
  std::string input;
  std::vector<std::pair<std::string, std::string>> environment;
  std::string directory;
  std::chrono::milliseconds deadline = kPatience;
};
Finished run_program(const std::vector<std::string>& arguments, const RunOptions& options = {});

// The folder of spexd, spex-router, spex-shard-worker and spexctl under test.
std::string programs_dir();
std::string program_path(const std::string& name);

// Pids of all processes one of whose arguments contains `text`, but this one's.
std::vector<pid_t> processes_mentioning(const std::string& text);
bool process_exists(pid_t pid);  // a zombie does not count
// Resident memory in bytes; 0 if there is no such process.
std::uint64_t resident_bytes(pid_t pid);

std::string read_whole_file(const std::string& path);  // empty if it cannot be read
void write_whole_file(const std::string& path, const std::string& content);

}  // namespace spex::test
