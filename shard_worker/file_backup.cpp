#include "shard_worker/file_backup.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/json_text.h"
#include "base/log.h"

namespace spex::shard_worker {
namespace {

constexpr int kPagesPerStep = 8;
constexpr std::uint64_t kPageBytes = 4'096;
constexpr auto kPause = std::chrono::milliseconds(1);  // between two steps, at least
constexpr std::uint64_t kRoomForOthers = 16u << 20;    // what a copy must leave on the disk
constexpr std::uint64_t kNanosecondsPerSecond = 1'000'000'000;

// 0 if it cannot be told.
std::uint64_t room_beside(const std::string& path) {
  struct statvfs status {};
  const std::string directory = path.substr(0, path.rfind('/') + 1);
  if (::statvfs(directory.empty() ? "." : directory.c_str(), &status) != 0) return 0;
  return std::uint64_t{status.f_bavail} * status.f_frsize;
}

}  // namespace

FileBackup::FileBackup(store::InstanceStore& instances, std::string path)
    : store_(instances), path_(std::move(path)), unfinished_(path_ + ".unfinished") {
  remove();
}

void FileBackup::remove() {
  copy_.reset();
  ::unlink(unfinished_.c_str());
  ::unlink(path_.c_str());
}

void FileBackup::begin(const process::Backup& order, base::MonotonicTime now) {
  if (state_ != State::none && state_ != State::failed && order_.token == order.token) return;
  remove();
  order_ = order;
  error_.clear();
  pages_ = pages_left_ = pages_at_begin_ = 0;
  next_ = now;
  const store::StoreStatistics statistics = store_.statistics();
  const std::uint64_t needed = statistics.file_bytes + statistics.wal_bytes + kRoomForOthers;
  if (const std::uint64_t room = room_beside(path_); room < needed) {
    return fail("copy to " + path_ + ": needs " + std::to_string(needed) + " bytes of disk, there are " +
                std::to_string(room));
  }
  auto begun = store_.begin_backup(unfinished_);
  if (!begun) return fail(base::to_string(begun.error()));
  copy_ = std::move(*begun);
  state_ = State::running;
  base::log(base::LogLevel::info, "backup_begun", {{"path", path_}});
}

void FileBackup::step(base::MonotonicTime now) {
  if (state_ != State::running || now < next_ || store_.has_uncommitted()) return;
  const auto more = copy_->step(kPagesPerStep);
  if (!more) return fail(base::to_string(more.error()));
  pages_ = copy_->pages_total();
  pages_left_ = copy_->pages_left();
  if (pages_at_begin_ == 0) pages_at_begin_ = pages_;
  // What the file has grown by meanwhile is copied as fast as it may be: a pace below that of
  // the growth would never come to an end.
  const bool is_at_the_growth = pages_ - pages_left_ >= pages_at_begin_;
  base::Duration pause = kPause;
  if (order_.bytes_per_second != 0 && !is_at_the_growth) {
    constexpr std::uint64_t kBytes = kPagesPerStep * kPageBytes;
    pause = std::max<base::Duration>(
        pause, std::chrono::nanoseconds(kBytes * kNanosecondsPerSecond / order_.bytes_per_second));
  }
  next_ = now + pause;
  if (*more) return;
  copy_.reset();
  // Who waits for the file sees all of it or none.
  if (::rename(unfinished_.c_str(), path_.c_str()) != 0) return fail("rename " + unfinished_);
  state_ = State::done;
  base::log(base::LogLevel::info, "backup_copied", {{"path", path_}, {"pages", std::to_string(pages_)}});
}

base::MonotonicTime FileBackup::next() const { return state_ == State::running ? next_ : base::MonotonicTime::max(); }

void FileBackup::end() {
  if (state_ == State::running) fail("the shard ends");
  copy_.reset();
}

void FileBackup::fail(const std::string& why) {
  remove();
  state_ = State::failed;
  error_ = why;
  base::log(base::LogLevel::error, "backup_failed", {{"reason", why}});
}

std::string FileBackup::json() const {
  if (state_ == State::none) return "null";
  const char* const name = state_ == State::running ? "running" : (state_ == State::done ? "done" : "failed");
  return "{\"token\":" + base::json_quote(order_.token) + ",\"state\":\"" + name +
         "\",\"pages\":" + std::to_string(pages_) + ",\"pages_left\":" + std::to_string(pages_left_) +
         ",\"error\":" + base::json_quote(error_) + "}";
}

}  // namespace spex::shard_worker
