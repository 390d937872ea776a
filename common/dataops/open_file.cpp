#include "dataops/open_file.h"

#include <sys/stat.h>

#include "store/log_end.h"

namespace spex::dataops {

base::Result<store::Database> open_to_read_only(const std::string& path) {
  struct stat status {};
  if (::stat((path + "-wal").c_str(), &status) != 0 || status.st_size == 0) {
    return store::Database::open(path, store::Database::Access::immutable);
  }
  SPEX_TRY_ASSIGN(const store::LogEnd log, store::find_log_end(path));
  if (!log.damage.empty()) return base::fail(base::Reason::storage_corrupt, log.damage);
  // What is committed lies in the write-ahead log too. To read it SQLite wants to be able to write; it does not.
  SPEX_TRY_ASSIGN(store::Database database, store::Database::open(path, store::Database::Access::read_write));
  database.keep_wal_at_close();
  SPEX_TRY(database.run("PRAGMA locking_mode=EXCLUSIVE"));  // its index of the log stays in memory
  return database;
}

}  // namespace spex::dataops
