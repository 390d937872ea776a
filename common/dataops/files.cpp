#include "dataops/files.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "base/unique_fd.h"
#include "config/atomic_file.h"
#include "dataops/sha256.h"

namespace spex::dataops {
namespace {

using base::fail;
using base::Reason;
using base::Result;
using base::system_error;
using base::UniqueFd;

constexpr std::size_t kBlock = 1u << 18;

std::function<void(std::string_view)>& hook() {
  static std::function<void(std::string_view)> kHook;
  return kHook;
}

Result<std::size_t> read_block(const UniqueFd& fd, std::string& block, const std::string& path) {
  while (true) {
    const ssize_t got = ::read(fd.get(), block.data(), block.size());
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) return system_error("read " + path, errno);
  }
}

Result<void> write_block(const UniqueFd& fd, std::string_view block, const std::string& path) {
  while (!block.empty()) {
    const ssize_t written = ::write(fd.get(), block.data(), block.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return system_error("write " + path, errno);
    block.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<UniqueFd> open_to_read(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return system_error("open " + path, errno, Reason::storage_open);
  return fd;
}

// Passes what is in the file to `each` and returns what it was.
template <typename Each>
Result<FileFacts> read_through(const UniqueFd& fd, const std::string& path, const Each& each) {
  Sha256 hash;
  FileFacts facts;
  std::string block(kBlock, '\0');
  while (true) {
    SPEX_TRY_ASSIGN(const std::size_t got, read_block(fd, block, path));
    if (got == 0) break;
    const std::string_view part = std::string_view(block).substr(0, got);
    hash.add(part);
    facts.bytes += got;
    SPEX_TRY(each(part));
  }
  facts.sha256 = hash.finish();
  return facts;
}

}  // namespace

void set_step_hook(std::function<void(std::string_view)> function) { hook() = std::move(function); }

void step(std::string_view what) {
  if (hook()) hook()(what);
}

bool exists(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0;
}

bool is_free(const std::string& path) {
  std::error_code error;
  if (!exists(path)) return true;
  return std::filesystem::is_directory(path, error) && std::filesystem::is_empty(path, error) && !error;
}

Result<std::vector<std::string>> list(const std::string& directory) {
  std::error_code error;
  std::vector<std::string> names;
  std::filesystem::directory_iterator entries(directory, error);
  if (error) return fail(Reason::storage_open, "read directory " + directory + ": " + error.message());
  for (const auto& entry : entries) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

std::string parent_of(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

std::string absolute(const std::string& path) {
  std::error_code error;
  std::string whole = std::filesystem::absolute(path, error).lexically_normal().string();
  while (whole.size() > 1 && whole.ends_with('/')) whole.pop_back();
  return whole;
}

Result<void> make_directory(const std::string& path) {
  step("make " + path);
  if (::mkdir(path.c_str(), 0700) != 0) return system_error("create directory " + path, errno);
  return {};
}

Result<void> rename_path(const std::string& from, const std::string& to) {
  step("rename " + from);
  if (::rename(from.c_str(), to.c_str()) != 0) return system_error("rename " + from + " to " + to, errno);
  return {};
}

Result<void> link_file(const std::string& from, const std::string& to) {
  step("link " + from);
  if (::link(from.c_str(), to.c_str()) != 0) return system_error("link " + from + " to " + to, errno);
  return {};
}

Result<void> remove_file(const std::string& path) {
  if (!exists(path)) return {};
  step("remove " + path);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return system_error("remove " + path, errno);
  return {};
}

Result<void> remove_tree(const std::string& path) {
  if (!exists(path)) return {};
  std::error_code error;
  if (std::filesystem::is_directory(std::filesystem::symlink_status(path, error))) {
    SPEX_TRY_ASSIGN(const auto names, list(path));
    for (const std::string& name : names) SPEX_TRY(remove_tree(path + "/" + name));
    step("remove " + path);
    if (::rmdir(path.c_str()) != 0) return system_error("remove " + path, errno);
    return {};
  }
  return remove_file(path);
}

Result<void> sync_file(const std::string& path) {
  SPEX_TRY_ASSIGN(const UniqueFd fd, open_to_read(path));
  if (::fsync(fd.get()) != 0) return system_error("sync " + path, errno, Reason::storage_sync);
  return {};
}

Result<void> sync_directory(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) return system_error("sync " + path, errno, Reason::storage_sync);
  return {};
}

Result<void> write_file(const std::string& path, std::string_view content) {
  step("write " + path);
  return config::replace_file(path, content, config::Sync::yes);
}

Result<std::string> read_file(const std::string& path, std::size_t bytes_max) {
  SPEX_TRY_ASSIGN(const UniqueFd fd, open_to_read(path));
  std::string content;
  std::string block(kBlock, '\0');
  while (content.size() <= bytes_max) {
    SPEX_TRY_ASSIGN(const std::size_t got, read_block(fd, block, path));
    if (got == 0) return content;
    content.append(block, 0, got);
  }
  return fail(Reason::too_large, "read " + path + ": more than " + std::to_string(bytes_max) + " bytes");
}

void pace(Rate rate, std::uint64_t bytes) {
  if (rate.bytes_per_second == 0) return;
  const std::uint64_t milliseconds = bytes * 1'000 / rate.bytes_per_second;
  ::poll(nullptr, 0, static_cast<int>(std::min<std::uint64_t>(milliseconds, 60'000)));
}

Result<FileFacts> measure(const std::string& path) {
  SPEX_TRY_ASSIGN(const UniqueFd fd, open_to_read(path));
  return read_through(fd, path, [](std::string_view) { return Result<void>(); });
}

Result<FileFacts> copy_file(const std::string& from, const std::string& to, Rate rate) {
  SPEX_TRY_ASSIGN(const UniqueFd in, open_to_read(from));
  step("copy to " + to);
  const UniqueFd out(::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640));
  if (!out) return system_error("create " + to, errno);
  SPEX_TRY_ASSIGN(FileFacts facts, read_through(in, from, [&](std::string_view part) -> Result<void> {
                    SPEX_TRY(write_block(out, part, to));
                    pace(rate, part.size());
                    return {};
                  }));
  if (::fsync(out.get()) != 0) return system_error("sync " + to, errno, Reason::storage_sync);
  return facts;
}

Result<void> move_file(const std::string& from, const std::string& to) {
  step("move " + from);
  if (::rename(from.c_str(), to.c_str()) == 0) return sync_file(to);
  if (errno != EXDEV) return system_error("rename " + from + " to " + to, errno);
  SPEX_TRY(copy_file(from, to));
  return remove_file(from);
}

}  // namespace spex::dataops
