#include "store/page_checksums.h"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string_view>

#include "base/hash.h"

namespace spex::store {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kContent = kPage - kPageTrailerBytes;
// Of the write-ahead log (https://sqlite.org/fileformat.html, section 4.1).
constexpr int kLogHeader = 32;
constexpr int kFrameHeader = 24;

// What SQLite takes for its file; the real one is behind it.
struct File {
  sqlite3_file base;
  sqlite3_file* real;
  bool has_checksums;
  bool tolerant;
  const std::function<void(Bytes)>* show;              // each page that is read; may be null
  const std::function<bool(std::uint64_t)>* has_room;  // for a database of so many bytes; may be null
  sqlite3_file* database;                              // whose write-ahead log this is, or null
};

File& file_of(sqlite3_file* file) { return *reinterpret_cast<File*>(file); }
sqlite3_file* real_of(sqlite3_file* file) { return file_of(file).real; }

std::uint64_t page_checksum(const char* page, sqlite3_int64 offset) {
  return base::hash64(std::string_view(page, kContent), static_cast<std::uint64_t>(offset) / kPage);
}

bool is_page(int amount, sqlite3_int64 offset) { return amount == static_cast<int>(kPage) && offset % amount == 0; }

bool is_sound(const char* page, sqlite3_int64 offset) {
  std::uint64_t stored = 0;
  std::memcpy(&stored, page + kContent, sizeof stored);
  return stored == page_checksum(page, offset);
}

// Whether the pages of a file that exists have checksums. In doubt they have: then damage
// is found. If page 1 is damaged just so that it denies it, the file's settings tell (shard_file.cpp).
bool expects_checksums(sqlite3_file* real) {
  sqlite3_int64 size = 0;
  if (real->pMethods->xFileSize(real, &size) != SQLITE_OK || size == 0) return false;
  std::array<char, kPage> page{};
  if (real->pMethods->xRead(real, page.data(), kPage, 0) != SQLITE_OK) return true;
  return page[kReservedBytesAt] != 0 || is_sound(page.data(), 0);
}

int close_file(sqlite3_file* file) {
  const int code = real_of(file)->pMethods->xClose(real_of(file));
  std::free(real_of(file));
  return code;
}

int shown(const File& self, int code, const void* buffer, int amount) {
  if (self.show && code == SQLITE_OK && amount == static_cast<int>(kPage)) {
    (*self.show)(Bytes(static_cast<const std::uint8_t*>(buffer), kPage));
  }
  return code;
}

int read_log(sqlite3_file* file, void* buffer, int amount, sqlite3_int64 offset) {
  const File& self = file_of(file);
  return shown(self, self.real->pMethods->xRead(self.real, buffer, amount, offset), buffer, amount);
}

int read_file(sqlite3_file* file, void* buffer, int amount, sqlite3_int64 offset) {
  const File& self = file_of(file);
  const int code = self.real->pMethods->xRead(self.real, buffer, amount, offset);
  if (!self.has_checksums || self.tolerant || !is_page(amount, offset)) return shown(self, code, buffer, amount);
  if (code == SQLITE_IOERR_SHORT_READ) return SQLITE_CORRUPT;
  if (code == SQLITE_OK && !is_sound(static_cast<const char*>(buffer), offset)) return SQLITE_CORRUPT;
  return shown(self, code, buffer, amount);
}

int write_file(sqlite3_file* file, const void* buffer, int amount, sqlite3_int64 offset) {
  File& self = file_of(file);
  if (!is_page(amount, offset)) return self.real->pMethods->xWrite(self.real, buffer, amount, offset);
  const auto* const page = static_cast<const char*>(buffer);
  if (offset == 0) self.has_checksums = page[kReservedBytesAt] == kPageTrailerBytes;
  if (!self.has_checksums) return self.real->pMethods->xWrite(self.real, buffer, amount, offset);
  std::array<char, kPage> stamped;
  std::memcpy(stamped.data(), page, kContent);
  const std::uint64_t checksum = page_checksum(page, offset);
  std::memcpy(stamped.data() + kContent, &checksum, sizeof checksum);
  return self.real->pMethods->xWrite(self.real, stamped.data(), amount, offset);
}

// The header of a frame begins with the number of its page.
int write_log(sqlite3_file* file, const void* buffer, int amount, sqlite3_int64 offset) {
  const File& self = file_of(file);
  if (self.database && amount == kFrameHeader && offset >= kLogHeader) {
    const auto* const has_room = file_of(self.database).has_room;
    std::uint32_t page = 0;
    std::memcpy(&page, buffer, sizeof page);
    if (has_room && !(*has_room)(std::uint64_t{__builtin_bswap32(page)} * kPage)) return SQLITE_FULL;
  }
  return self.real->pMethods->xWrite(self.real, buffer, amount, offset);
}

int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
  return real_of(file)->pMethods->xTruncate(real_of(file), size);
}
int sync_file(sqlite3_file* file, int flags) { return real_of(file)->pMethods->xSync(real_of(file), flags); }
int file_size(sqlite3_file* file, sqlite3_int64* size) {
  return real_of(file)->pMethods->xFileSize(real_of(file), size);
}
int lock_file(sqlite3_file* file, int level) { return real_of(file)->pMethods->xLock(real_of(file), level); }
int unlock_file(sqlite3_file* file, int level) { return real_of(file)->pMethods->xUnlock(real_of(file), level); }
int check_reserved_lock(sqlite3_file* file, int* locked) {
  return real_of(file)->pMethods->xCheckReservedLock(real_of(file), locked);
}
int file_control(sqlite3_file* file, int operation, void* argument) {
  if (operation == kFileControlTolerateDamage) {
    file_of(file).tolerant = *static_cast<const int*>(argument) != 0;
    return SQLITE_OK;
  }
  if (operation == kFileControlShowPages) {
    file_of(file).show = *static_cast<const std::function<void(Bytes)>* const*>(argument);
    return SQLITE_OK;
  }
  if (operation == kFileControlAskForRoom) {
    file_of(file).has_room = *static_cast<const std::function<bool(std::uint64_t)>* const*>(argument);
    return SQLITE_OK;
  }
  if (operation == kFileControlHasChecksums) {
    *static_cast<int*>(argument) = file_of(file).has_checksums ? 1 : 0;
    return SQLITE_OK;
  }
  return real_of(file)->pMethods->xFileControl(real_of(file), operation, argument);
}
int sector_size(sqlite3_file* file) { return real_of(file)->pMethods->xSectorSize(real_of(file)); }
int device_characteristics(sqlite3_file* file) {
  return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

// Version 1: no shared memory (locking is exclusive) and no memory mapping.
template <bool kIsDatabase>
constexpr sqlite3_io_methods kMethods = {1,
                                         close_file,
                                         kIsDatabase ? read_file : read_log,
                                         kIsDatabase ? write_file : write_log,
                                         truncate_file,
                                         sync_file,
                                         file_size,
                                         lock_file,
                                         unlock_file,
                                         check_reserved_lock,
                                         file_control,
                                         sector_size,
                                         device_characteristics,
                                         nullptr,
                                         nullptr,
                                         nullptr,
                                         nullptr,
                                         nullptr,
                                         nullptr};

sqlite3_vfs* under() { return sqlite3_vfs_find(nullptr); }

int open_file(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* flags_out) {
  sqlite3_vfs* const vfs = under();
  File& self = file_of(file);
  self = {};
  self.real = static_cast<sqlite3_file*>(std::calloc(1, static_cast<std::size_t>(vfs->szOsFile)));
  if (!self.real) return SQLITE_NOMEM;
  const int code = vfs->xOpen(vfs, name, self.real, flags, flags_out);
  if (code != SQLITE_OK) {
    if (self.real->pMethods) self.real->pMethods->xClose(self.real);
    std::free(self.real);
    return code;
  }
  const bool is_database = flags & SQLITE_OPEN_MAIN_DB;
  self.base.pMethods = is_database ? &kMethods<true> : &kMethods<false>;
  if (is_database) self.has_checksums = expects_checksums(self.real);
  if (flags & SQLITE_OPEN_WAL) self.database = sqlite3_database_file_object(name);
  return SQLITE_OK;
}

int delete_file(sqlite3_vfs*, const char* name, int sync) { return under()->xDelete(under(), name, sync); }
int access_file(sqlite3_vfs*, const char* name, int flags, int* result) {
  return under()->xAccess(under(), name, flags, result);
}
int full_path_name(sqlite3_vfs*, const char* name, int size, char* out) {
  return under()->xFullPathname(under(), name, size, out);
}
int randomness(sqlite3_vfs*, int size, char* out) { return under()->xRandomness(under(), size, out); }
int sleep_for(sqlite3_vfs*, int microseconds) { return under()->xSleep(under(), microseconds); }
int current_time(sqlite3_vfs*, double* time) { return under()->xCurrentTime(under(), time); }
int last_error(sqlite3_vfs*, int size, char* out) { return under()->xGetLastError(under(), size, out); }
int current_time_64(sqlite3_vfs*, sqlite3_int64* time) { return under()->xCurrentTimeInt64(under(), time); }

}  // namespace

bool is_sound_page(Bytes page, std::uint64_t number) {
  return page.size() == kPage && is_sound(as_text(page).data(), static_cast<sqlite3_int64>((number - 1) * kPage));
}

const char* page_checksum_vfs() {
  static constexpr const char* kName = "spex-page-checksums";
  static const int registered = [] {
    sqlite3_initialize();
    static sqlite3_vfs vfs{};
    vfs.iVersion = 2;
    vfs.szOsFile = sizeof(File);
    vfs.mxPathname = under()->mxPathname;
    vfs.zName = kName;
    vfs.xOpen = open_file;
    vfs.xDelete = delete_file;
    vfs.xAccess = access_file;
    vfs.xFullPathname = full_path_name;
    vfs.xRandomness = randomness;
    vfs.xSleep = sleep_for;
    vfs.xCurrentTime = current_time;
    vfs.xGetLastError = last_error;
    vfs.xCurrentTimeInt64 = current_time_64;
    return sqlite3_vfs_register(&vfs, 0);
  }();
  return registered == SQLITE_OK ? kName : nullptr;
}

}  // namespace spex::store
