#include "store/reserve_file.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>

#include "base/unique_fd.h"

namespace spex::store {

using base::Reason;
using base::Result;

Result<void> ReserveFile::take() {
  if (held_ || !is_wanted()) return {};
  const base::UniqueFd fd(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640));
  if (!fd)
    return base::system_error("open " + path_, errno, errno == ENOSPC ? Reason::storage_full : Reason::storage_io);
  const int code = ::posix_fallocate(fd.get(), 0, static_cast<off_t>(bytes_));
  if (code != 0) {
    give_up();  // what there was may be needed
    const bool full = code == ENOSPC || code == EDQUOT || code == EFBIG;
    return base::system_error("take " + path_, code, full ? Reason::storage_full : Reason::storage_io);
  }
  held_ = true;
  return {};
}

Result<void> ReserveFile::take_again() {
  struct statvfs disk {};
  const std::string directory = path_.substr(0, path_.rfind('/') + 1) + ".";
  if (::statvfs(directory.c_str(), &disk) != 0) return base::system_error("look at " + directory, errno);
  if (std::uint64_t{disk.f_bavail} * disk.f_frsize < 2 * bytes_) {
    return base::fail(Reason::storage_full, "take " + path_ + ": less than twice its size is free");
  }
  return take();
}

void ReserveFile::give_up() {
  ::unlink(path_.c_str());
  held_ = false;
}

}  // namespace spex::store
