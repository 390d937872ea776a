#include "config/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "base/unique_fd.h"

namespace spex::config {
namespace {

base::Error write_error(const std::string& path) { return base::system_error("write " + path, errno); }

base::Result<void> write_all(int fd, std::string_view content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return write_error(path);
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

base::Result<void> write_file(const std::string& path, std::string_view content, Sync sync) {
  base::UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!fd) return write_error(path);
  SPEX_TRY(write_all(fd.get(), content, path));
  if (sync == Sync::yes && ::fsync(fd.get()) != 0) return write_error(path);
  if (::close(fd.release()) != 0) return write_error(path);  // some file systems report a full disk here
  return {};
}

}  // namespace

base::Result<void> replace_file(const std::string& path, std::string_view content, Sync sync) {
  const std::string fresh = path + ".new";
  const auto written = write_file(fresh, content, sync);
  if (!written) {
    ::unlink(fresh.c_str());
    return written;
  }
  if (::rename(fresh.c_str(), path.c_str()) != 0) return write_error(path);
  if (sync == Sync::no) return {};
  const std::string parent = std::filesystem::path(path).parent_path().string();
  const base::UniqueFd directory(::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory || ::fsync(directory.get()) != 0) return write_error(path);
  return {};
}

}  // namespace spex::config
