#include "shard_worker/background_turn.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/error.h"
#include "base/log.h"

namespace spex::shard_worker {

unsigned BackgroundTurn::places() { return static_cast<unsigned>(std::max(::sysconf(_SC_NPROCESSORS_ONLN) / 2, 1L)); }

BackgroundTurn::BackgroundTurn(const std::string& path, base::ShardId shard, unsigned places)
    : fd_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)),
      place_(static_cast<long>((shard.value() - 1) % places)) {
  if (fd_) return;
  const base::Error error = base::system_error("open " + path, errno, base::Reason::storage_open);
  base::log(base::LogLevel::warning, "background_turn",
            {{"reason", error.message}, {"effect", "shards do not take turns in pruning and maintenance"}});
}

bool BackgroundTurn::lock(short type) const {
  struct flock lock = {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = place_;
  lock.l_len = 1;
  return ::fcntl(fd_.get(), F_OFD_SETLK, &lock) == 0;
}

bool BackgroundTurn::try_take() {
  if (!fd_ || has_it_) return true;
  has_it_ = lock(F_WRLCK);
  return has_it_ || (errno != EAGAIN && errno != EACCES);
}

void BackgroundTurn::give_back() {
  if (has_it_) lock(F_UNLCK);
  has_it_ = false;
}

}  // namespace spex::shard_worker
