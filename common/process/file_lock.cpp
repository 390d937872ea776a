#include "process/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace spex::process {
namespace {

pid_t read_holder(int fd) {
  char text[24] = {};
  const ssize_t got = ::pread(fd, text, sizeof text - 1, 0);
  return got > 0 ? static_cast<pid_t>(std::strtol(text, nullptr, 10)) : 0;
}

// Only for people: a full disk must not keep the lock from being taken.
void write_holder(int fd) {
  const std::string text = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd, 0) != 0) return;
  [[maybe_unused]] const ssize_t written = ::pwrite(fd, text.data(), text.size(), 0);
}

}  // namespace

base::Result<FileLock::Attempt> FileLock::try_acquire(const std::string& path) {
  base::UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return base::system_error("open lock file " + path, errno, base::Reason::storage_open);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return base::system_error("lock " + path, errno, base::Reason::storage_open);
    return Attempt{std::nullopt, read_holder(fd.get())};
  }
  write_holder(fd.get());
  return Attempt{FileLock(std::move(fd)), 0};
}

bool is_locked(const std::string& path) {
  const base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  // A shared lock is enough to see an exclusive one, and two that look do not see each other.
  return fd && ::flock(fd.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

}  // namespace spex::process
