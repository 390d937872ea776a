#include "store/shard_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "store/log_end.h"
#include "store/schema.h"

namespace spex::store {
namespace {

using base::fail;
using base::Reason;
using base::Result;
using base::system_error;
using base::UniqueFd;

constexpr std::uint64_t kRoomStep = 1u << 20;

Result<UniqueFd> lock(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640));
  if (!fd) return system_error("open " + path, errno, Reason::storage_open);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return fail(Reason::storage_open, "lock " + path + ": another process has it");
    return system_error("lock " + path, errno, Reason::storage_open);
  }
  return fd;
}

bool is_marked(const UniqueFd& lock_fd) {
  struct stat status {};
  return ::fstat(lock_fd.get(), &status) == 0 && status.st_size > 0;
}

// Tells that the shard's file has been there, and how it is written from now on.
Result<void> mark(const UniqueFd& lock_fd, const StoreOptions& options) {
  const std::string note = lock_note(options.full_durability);
  std::string there(note.size() + 1, 0);
  if (const ssize_t size = ::pread(lock_fd.get(), there.data(), there.size(), 0); size >= 0) {
    there.resize(static_cast<std::size_t>(size));
    if (there == note) return {};
  }
  const auto size = static_cast<off_t>(note.size());
  if (::pwrite(lock_fd.get(), note.data(), note.size(), 0) != size || ::ftruncate(lock_fd.get(), size) != 0 ||
      ::fdatasync(lock_fd.get()) != 0) {
    return system_error("write " + lock_path(options.path), errno);
  }
  return {};
}

Result<void> sync_directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) return system_error("sync " + directory, errno, Reason::storage_sync);
  return {};
}

Result<void> configure(Database& database, const StoreOptions& options) {
  SPEX_TRY(database.run("PRAGMA page_size=4096"));
  SPEX_TRY(database.run("PRAGMA secure_delete=FAST"));
  SPEX_TRY_ASSIGN(const std::string mode, database.text("PRAGMA journal_mode=WAL"));
  if (mode != "wal") return fail(Reason::storage_open, "SQLite refuses a write-ahead log: " + mode);
  SPEX_TRY(database.run(options.full_durability ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL"));
  SPEX_TRY(database.run("PRAGMA cache_size=-4096"));
  return database.run("PRAGMA journal_size_limit=" +
                      std::to_string(std::uint64_t{options.checkpoint_pages} * 2 * 4096));
}

// Under another name until it is complete, so that a file of this name is never half made.
Result<void> create(const StoreOptions& options, const FileIdentity& identity) {
  const std::string unfinished = options.path + ".new";
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) ::unlink((unfinished + suffix).c_str());
  {
    SPEX_TRY_ASSIGN(Database database, Database::open(unfinished, Database::Access::create));
    SPEX_TRY(database.run("PRAGMA auto_vacuum=INCREMENTAL"));
    SPEX_TRY(configure(database, options));
    SPEX_TRY(create_schema(database, identity, options.now));
    SPEX_TRY(database.checkpoint());
  }
  const UniqueFd fd(::open(unfinished.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) return system_error("sync " + unfinished, errno, Reason::storage_sync);
  if (::rename(unfinished.c_str(), options.path.c_str()) != 0) return system_error("rename " + unfinished, errno);
  return sync_directory_of(options.path);
}

Result<void> create_if_absent(const StoreOptions& options, const FileIdentity& identity, const UniqueFd& lock_fd) {
  struct stat status {};
  if (::stat(options.path.c_str(), &status) == 0) {
    if (status.st_size == 0) return fail(Reason::storage_corrupt, "the file is empty");
  } else if (errno != ENOENT) {
    return system_error("look for " + options.path, errno, Reason::storage_open);
  } else {
    const std::string again = "; to begin anew, remove " + lock_path(options.path) + " too";
    if (is_marked(lock_fd)) return fail(Reason::storage_corrupt, "the file is missing" + again);
    if (::stat((options.path + "-wal").c_str(), &status) == 0) {
      return fail(Reason::storage_corrupt, "the file is missing, its write-ahead log is there");
    }
    SPEX_TRY(create(options, identity));
  }
  return {};
}

base::Error in_file(base::Error error, const std::string& path) {
  error.message = "open " + path + ": " + error.message;
  return error;
}

bool same(const struct stat& a, const struct stat& b) { return a.st_ino == b.st_ino && a.st_dev == b.st_dev; }

}  // namespace

Result<ShardFile> ShardFile::open(const StoreOptions& options) {
  SPEX_TRY_ASSIGN(UniqueFd lock_fd, lock(lock_path(options.path)));
  const FileIdentity identity{options.cluster_id, options.shard};
  if (auto created = create_if_absent(options, identity, lock_fd); !created) {
    return in_file(std::move(created).error(), options.path);
  }
  SPEX_TRY_ASSIGN(const LogEnd log, find_log_end(options.path));
  if (!log.damage.empty()) return in_file(fail(Reason::storage_corrupt, log.damage), options.path);
  SPEX_TRY_ASSIGN(Database database, Database::open(options.path, Database::Access::read_write));
  auto room = std::make_unique<Room>();
  room->file = UniqueFd(::open(options.path.c_str(), O_RDWR | O_CLOEXEC));
  if (!room->file) return system_error("open " + options.path, errno, Reason::storage_open);
  ShardFile file(options.path, std::move(lock_fd), std::move(room), std::move(database));
  if (::stat(options.path.c_str(), &file.file_) != 0) return system_error("look for " + options.path, errno);
  auto checked = configure(file.database_, options);
  if (checked) checked = check_schema(file.database_, identity);
  if (checked) checked = mark(file.lock_, options);
  if (!checked) return in_file(std::move(checked).error(), options.path);
  // What a torn write left must not be taken for damage later.
  if (log.has_tail) file.database_.cut_log(log.frames);
  return file;
}

Result<void> ShardFile::check_in_place() {
  struct stat now {};
  if (::stat(path_.c_str(), &now) != 0 || !same(now, file_)) {
    return fail(Reason::storage_io, path_ + " was removed or replaced while it was open");
  }
  if (::stat((path_ + "-wal").c_str(), &now) != 0 || (wal_known_ && !same(now, wal_))) {
    return fail(Reason::storage_io, path_ + "-wal was removed or replaced while it was open");
  }
  wal_ = now;
  wal_known_ = true;
  return {};
}

void ShardFile::hold_room() { database_.ask_for_room(room_->take); }

bool ShardFile::Room::hold(std::uint64_t bytes) {
  if (bytes <= held) return true;
  for (const std::uint64_t wanted : {(bytes / kRoomStep + 1) * kRoomStep, bytes}) {
    if (::fallocate(file.get(), FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(wanted)) == 0) {
      held = wanted;
      return true;
    }
    if (errno != ENOSPC && errno != EDQUOT) return true;  // not a matter of room; writing will tell
  }
  return false;
}

void ShardFile::close() {
  database_ = Database();
  room_.reset();
  lock_.reset();
}

std::uint64_t ShardFile::file_bytes() const {
  struct stat now {};
  return ::stat(path_.c_str(), &now) == 0 ? static_cast<std::uint64_t>(now.st_size) : 0;
}

std::uint64_t ShardFile::wal_bytes() const {
  struct stat now {};
  return ::stat((path_ + "-wal").c_str(), &now) == 0 ? static_cast<std::uint64_t>(now.st_size) : 0;
}

}  // namespace spex::store
