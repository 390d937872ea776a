#include "dataops/open_file.h"

#include <sys/stat.h>

namespace spex::dataops {

base::Result<store::Database> open_to_read_only(const std::string& path) {
  struct stat status {};
  if (::stat((path + "-wal").c_str(), &status) != 0 || status.st_size == 0) {
    return store::Database::open(path, store::Database::Access::immutable);
  }
  // What is committed lies in the write-ahead log too. To read it SQLite wants to be able to write; it does not.
  SPEX_TRY_ASSIGN(store::Database database, store::Database::open(path, store::Database::Access::read_write));
  database.keep_wal_at_close();
  SPEX_TRY(database.run("PRAGMA locking_mode=EXCLUSIVE"));  // its index of the log stays in memory
  return database;
}

}  // namespace spex::dataops
