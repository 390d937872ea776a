#include "supervisor/startup.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/clock.h"
#include "base/log.h"
#include "base/unique_fd.h"

namespace spex::supervisor {
namespace {

using process::ExitCode;

constexpr std::chrono::seconds kPredecessorPatience{5};
constexpr int kLookAgainMs = 20;
constexpr std::uint64_t kDescriptorsPerChild = 2;    // pidfd, channel
constexpr std::uint64_t kDescriptorsOfOurOwn = 128;  // standard, locks, control connections, reserve

// A cause that may go away by itself is worth another try of the service manager.
ExitCode code_for(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EROFS:
    case EIO:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return ExitCode::try_again;
    default:
      return ExitCode::configuration;
  }
}

ExitCode code_for(const base::Error& error) {
  return error.reason == base::Reason::storage_full ? ExitCode::try_again : ExitCode::configuration;
}

Refusal refusal(const std::string& what, int error) { return {code_for(error), what + ": " + std::strerror(error)}; }

// Like mkdir -p; an existing directory is taken as it is.
std::optional<Refusal> make_directory(const std::string& name, const std::string& path, mode_t mode) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) return std::nullopt;
    return refusal(name + " " + path, ENOTDIR);
  }
  const std::string parent = std::filesystem::path(path).parent_path().string();
  if (!parent.empty() && parent != path) {
    if (auto refused = make_directory(name, parent, 0755)) return refused;
  }
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) return refusal("create " + name + " " + path, errno);
  base::log(base::LogLevel::info, "directory_created", {{"name", name}, {"path", path}});
  return std::nullopt;
}

std::optional<Refusal> make_directories(const config::Config& config) {
  if (auto refused = make_directory("data_dir", config.data_dir, 0700)) return refused;
  // Clients of other users may reach a tcp or ipc endpoint; the control socket guards itself.
  if (auto refused = make_directory("run_dir", config.run_dir, 0755)) return refused;
  if (auto refused = make_directory("specs_dir", config.specs_dir, 0755)) return refused;
  return make_directory("impl_models_dir", config.impl_models_dir, 0755);
}

std::optional<Refusal> take_lock(const std::string& what, const std::string& path, process::FileLock& lock) {
  auto attempt = process::FileLock::try_acquire(path);
  if (!attempt) return Refusal{code_for(attempt.error()), attempt.error().message};
  if (!attempt->lock) {
    const std::string holder = attempt->holder > 0 ? "process " + std::to_string(attempt->holder) : "another process";
    return Refusal{ExitCode::try_again, what + " is in use by " + holder + " (" + path + " is locked)"};
  }
  lock = std::move(*attempt->lock);
  return std::nullopt;
}

// The usual mistakes, found before anything is written: wrong owner, read-only file system.
std::optional<Refusal> check_access(const std::string& name, const std::string& path) {
  if (::access(path.c_str(), R_OK | W_OK | X_OK) == 0) return std::nullopt;
  return refusal("use " + name + " " + path, errno);
}

// Whether the directory takes new data. A full disk is a problem to be told,
// no refusal: reads, deletes and pruning still work and the shards answer the rest.
std::optional<Refusal> try_to_write(const config::Config& config, std::vector<std::string>& problems) {
  const std::string path = config.data_dir + "/.writable";
  const std::string block(4'096, 'x');
  const base::UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  const bool written = fd && ::write(fd.get(), block.data(), block.size()) == static_cast<ssize_t>(block.size()) &&
                       ::fsync(fd.get()) == 0;
  const int error = errno;
  ::unlink(path.c_str());
  if (written) return std::nullopt;
  if (error != ENOSPC && error != EDQUOT) return refusal("write to data_dir " + config.data_dir, error);
  problems.push_back("write to data_dir " + config.data_dir + ": " + std::strerror(error));
  base::log(base::LogLevel::error, "disk_full", {{"path", config.data_dir}, {"reason", std::strerror(error)}});
  return std::nullopt;
}

bool has_shard_file(const std::string& data_dir) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(data_dir, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("shard_") && name.ends_with(".sqlite")) return true;
  }
  return false;
}

// `spexctl reshard` and `spexctl repair` leave their journals there while files are exchanged.
std::optional<Refusal> check_no_interrupted_exchange(const config::Config& config) {
  struct stat status {};
  for (const char* verb : {"reshard", "repair"}) {
    if (::lstat((config.data_dir + "/" + verb).c_str(), &status) != 0) continue;
    return Refusal{ExitCode::configuration, "data_dir " + config.data_dir + " is in the middle of a " + verb +
                                                ": finish it with `spexctl " + verb + " --data-dir " + config.data_dir +
                                                "`"};
  }
  return std::nullopt;
}

std::optional<Refusal> load_or_create_layout(const config::Config& config, config::ClusterLayout& layout) {
  const std::string path = config::layout_path(config.data_dir);
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0 && errno == ENOENT) {
    if (has_shard_file(config.data_dir)) {
      return Refusal{ExitCode::configuration, "data_dir " + config.data_dir +
                                                  " has shard files but no cluster layout (" + path +
                                                  "): restore that file from a backup"};
    }
    layout = config::ClusterLayout::create(config.distribution_factor);
    const auto saved = config::save_layout(config.data_dir, layout);
    if (!saved) return Refusal{code_for(saved.error()), saved.error().message};
    base::log(base::LogLevel::info, "layout_created",
              {{"cluster_id", layout.cluster_id}, {"distribution_factor", std::to_string(layout.distribution_factor)}});
    return std::nullopt;
  }
  auto loaded = config::load_layout(config.data_dir);
  if (!loaded) return Refusal{ExitCode::configuration, loaded.error().message};
  layout = std::move(*loaded);
  if (layout.distribution_factor == config.distribution_factor) return std::nullopt;
  const std::string wanted = std::to_string(config.distribution_factor);
  const std::string stored = std::to_string(layout.distribution_factor);
  return Refusal{ExitCode::configuration, "data_dir " + config.data_dir + " has distribution_factor " + stored +
                                              ", configured is " + wanted + ": start with --distribution-factor " +
                                              stored +
                                              ", or move the data with `spexctl reshard --distribution-factor " +
                                              wanted + " --data-dir " + config.data_dir + "`"};
}

// A lock that a child of a predecessor still holds; empty if there is none.
std::string busy_lock(const config::Config& config) {
  if (process::is_locked(router_lock_path(config))) return router_lock_path(config);
  for (std::uint32_t shard = 1; shard <= config.distribution_factor; ++shard) {
    if (process::is_locked(shard_lock_path(config, shard))) return shard_lock_path(config, shard);
  }
  return "";
}

std::optional<Refusal> wait_for_predecessor(const config::Config& config) {
  const base::SystemClock clock;
  const auto deadline = clock.monotonic() + kPredecessorPatience;
  bool told = false;
  while (true) {  // ends at the deadline
    const std::string path = busy_lock(config);
    if (path.empty()) return std::nullopt;
    if (!told) base::log(base::LogLevel::info, "waiting_for_predecessor", {{"lock", path}});
    told = true;
    if (clock.monotonic() >= deadline) {
      return Refusal{ExitCode::try_again, "a child of an earlier spexd does not end: " + path + " is still locked"};
    }
    ::poll(nullptr, 0, kLookAgainMs);
  }
}

void unlink_socket(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode)) ::unlink(path.c_str());
}

// Sockets left by a predecessor that was killed; its locks are free, so nobody serves them.
void remove_stale_sockets(const config::Config& config) {
  std::error_code error;
  std::vector<std::string> stale{config.run_dir + "/control.sock", config.run_dir + "/frontend.sock"};
  for (const auto& entry : std::filesystem::directory_iterator(config.run_dir, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("shard_") && name.ends_with(".s")) stale.push_back(entry.path().string());
  }
  for (const std::string& path : stale) unlink_socket(path);
}

std::optional<Refusal> raise_descriptor_limit(std::uint32_t shards) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return refusal("read the limit of descriptors", errno);
  const std::uint64_t needed = (shards + 1) * kDescriptorsPerChild + kDescriptorsOfOurOwn;
  if (limit.rlim_max < needed) {
    return Refusal{ExitCode::configuration, "distribution_factor " + std::to_string(shards) + " needs " +
                                                std::to_string(needed) + " descriptors, the limit is " +
                                                std::to_string(limit.rlim_max) + " (LimitNOFILE, ulimit -Hn)"};
  }
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return refusal("raise the limit of descriptors", errno);
  return std::nullopt;
}

}  // namespace

std::string data_lock_path(const config::Config& config) { return config.data_dir + "/lock"; }

std::string shard_lock_path(const config::Config& config, std::uint32_t shard) {
  return config.data_dir + "/shard_" + std::to_string(shard) + ".lock";
}

std::string router_lock_path(const config::Config& config) { return config.run_dir + "/router.lock"; }

std::string shard_endpoint(const config::Config& config, base::ShardId shard, base::Incarnation incarnation) {
  return "ipc://" + config.run_dir + "/shard_" + std::to_string(shard.value()) + "." +
         std::to_string(incarnation.value()) + ".s";
}

void remove_shard_socket(const config::Config& config, base::ShardId shard, base::Incarnation incarnation) {
  unlink_socket(shard_endpoint(config, shard, incarnation).substr(6));
}

std::optional<Refusal> prepare(const config::Config& config, Foundation& foundation) {
  if (auto refused = raise_descriptor_limit(config.distribution_factor)) return refused;
  if (auto refused = make_directories(config)) return refused;
  if (auto refused = check_access("data_dir", config.data_dir)) return refused;
  if (auto refused = check_access("run_dir", config.run_dir)) return refused;
  if (auto refused = take_lock("data_dir " + config.data_dir, data_lock_path(config), foundation.data_lock)) {
    return refused;
  }
  if (auto refused = take_lock("run_dir " + config.run_dir, config.run_dir + "/lock", foundation.run_lock)) {
    return refused;
  }
  if (auto refused = try_to_write(config, foundation.problems)) return refused;
  if (auto refused = check_no_interrupted_exchange(config)) return refused;
  if (auto refused = load_or_create_layout(config, foundation.layout)) return refused;
  if (auto refused = wait_for_predecessor(config)) return refused;
  remove_stale_sockets(config);
  return std::nullopt;
}

}  // namespace spex::supervisor
