#include "ctl/graphviz.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "conformance/model_directory.h"
#include "ctl/private_cluster.h"

namespace spex::ctl {
namespace {

constexpr base::Duration kPatience = std::chrono::seconds(60);
constexpr std::size_t kPictureBytesMax = 256U << 20U;

bool is_in_path(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::string_view rest = path == nullptr ? "/usr/bin:/bin" : path;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(':'), rest.size());
    const std::string candidate = std::string(rest.substr(0, end)) + "/" + program;
    if (::access(candidate.c_str(), X_OK) == 0) return true;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

// A directory of our own, removed with all in it.
class TemporaryDirectory {
 public:
  static base::Result<TemporaryDirectory> make() {
    const char* parent = std::getenv("TMPDIR");
    std::string path = std::string(parent != nullptr && *parent != 0 ? parent : "/tmp") + "/spex-graph-XXXXXX";
    if (::mkdtemp(path.data()) == nullptr) return base::system_error("make " + path, errno);
    return TemporaryDirectory(std::move(path));
  }
  TemporaryDirectory(TemporaryDirectory&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TemporaryDirectory& operator=(TemporaryDirectory&&) = delete;
  ~TemporaryDirectory() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  std::string file(const char* name) const { return path_ + "/" + name; }

 private:
  explicit TemporaryDirectory(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace

base::Result<void> draw_with_graphviz(std::string_view dot_text, const std::string& format, const std::string& path) {
  if (!is_in_path("dot")) {
    return base::fail(base::Reason::invalid_argument,
                      "draw " + path +
                          ": the program dot is not in PATH; install Graphviz (apt-get install graphviz), "
                          "or write a .dot file, which needs none");
  }
  SPEX_TRY_ASSIGN(const TemporaryDirectory directory, TemporaryDirectory::make());
  SPEX_TRY(conformance::write_file_atomically(directory.file("in.dot"), dot_text));
  StartRequest request;
  request.arguments = {"dot", "-T" + format, "-o", directory.file("out"), directory.file("in.dot")};
  request.output = directory.file("log");
  request.dies_with_us = true;
  SPEX_TRY_ASSIGN(const pid_t pid, start_process(request));
  const auto status = wait_for_process(pid, kPatience);
  if (!status) {
    ::kill(pid, SIGKILL);
    wait_for_process(pid, kPatience);
    return base::fail(
        base::Reason::deadline_exceeded,
        "draw " + path + ": dot takes longer than 60 s; write a .dot file and use another layout program");
  }
  if (*status != 0) {
    const auto log = conformance::read_file(directory.file("log"));
    return base::fail(base::Reason::invalid_argument,
                      "draw " + path + ": dot failed: " + (log.ok() ? log->substr(0, 500) : std::string()));
  }
  SPEX_TRY_ASSIGN(const std::string picture, conformance::read_file(directory.file("out"), kPictureBytesMax));
  return conformance::write_file_atomically(path, picture);
}

}  // namespace spex::ctl
