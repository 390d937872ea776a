// An exclusive lock on a file by flock(2), with the holder's pid as content.
// The kernel drops it when the holder ends, however it ends; the file stays.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace spex::process {

class FileLock {
 public:
  FileLock() = default;  // holds nothing
  explicit operator bool() const { return static_cast<bool>(fd_); }

  struct Attempt;
  // Creates the file if it is missing (mode 0600) and never waits. Fails with
  // storage_open only if the file cannot be opened; a held lock is no error.
  static base::Result<Attempt> try_acquire(const std::string& path);

 private:
  explicit FileLock(base::UniqueFd fd) : fd_(std::move(fd)) {}
  base::UniqueFd fd_;
};

struct FileLock::Attempt {
  std::optional<FileLock> lock;  // nothing: somebody else holds it
  pid_t holder = 0;              // who, if it could be read; else 0
};

// Whether somebody holds the lock now. A file that does not exist is free and
// is not created. For an instant it keeps others from taking the lock, so ask
// only when nobody is about to.
bool is_locked(const std::string& path);

}  // namespace spex::process
