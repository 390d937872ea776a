#include "tests/common/store/fault_vfs.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <vector>

namespace spex::store::testing {

struct Change {
  std::size_t offset = 0;
  std::string bytes;
  bool is_truncation = false;  // to `offset` bytes
};

// What the disk has of a file.
struct Image {
  bool exists = false;
  std::string synced;
  std::vector<Change> unsynced;
};

namespace {

constexpr std::size_t kSector = 512;

std::string content_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void put(std::string& to, std::size_t offset, std::string_view bytes) {
  if (to.size() < offset + bytes.size()) to.resize(offset + bytes.size());
  std::copy(bytes.begin(), bytes.end(), to.begin() + static_cast<std::ptrdiff_t>(offset));
}

// Sector by sector, each is kept with the same probability, whatever came before or after it.
std::string after_power_loss(const Image& image, std::mt19937_64& random) {
  std::string content = image.synced;
  const std::uint64_t kept_of_8 = random() % 9;
  for (const Change& change : image.unsynced) {
    if (change.is_truncation) {
      if (random() % 8 < kept_of_8) content.resize(change.offset);
      continue;
    }
    for (std::size_t at = 0; at < change.bytes.size();) {
      const std::size_t in_sector = kSector - (change.offset + at) % kSector;
      const std::size_t size = std::min(in_sector, change.bytes.size() - at);
      if (random() % 8 < kept_of_8) put(content, change.offset + at, std::string_view(change.bytes).substr(at, size));
      at += size;
    }
  }
  return content;
}

}  // namespace

struct FaultVfs::Disk {
  sqlite3_vfs vfs{};
  sqlite3_vfs* real = nullptr;
  std::uint64_t calls = 0;
  std::uint64_t stop_at = 0;
  bool stop_in_the_middle = false;
  std::function<void()> stop;
  std::uint64_t off_at = 0;
  bool off = false;
  bool half_of_last = false;
  std::uint64_t fail_in = 0;  // calls of `fail_kinds` until the failing one; 0: none
  std::uint64_t fail_times = 0;
  unsigned fail_kinds = 0;
  int fail_code = 0;
  bool failed = false;
  bool records = false;
  std::map<std::string, Image> images;

  // What the call is to answer instead of being done; SQLITE_OK: do it.
  int before(Call kind) {
    if (kind != Call::read) {
      ++calls;
      if (calls == stop_at && !(stop_in_the_middle && kind == Call::write)) stop();
      if (off_at && calls >= off_at) {
        if (half_of_last && calls == off_at && kind == Call::write) return SQLITE_OK;
        off = true;
      }
    }
    if (off) return kind == Call::read ? SQLITE_IOERR_READ : SQLITE_IOERR;
    if (fail_times == 0 || !(fail_kinds & static_cast<unsigned>(kind))) return SQLITE_OK;
    if (fail_in > 1) {
      --fail_in;
      return SQLITE_OK;
    }
    --fail_times;
    failed = true;
    return fail_code;
  }
  bool stops_in_the_middle() const { return stop_in_the_middle && calls == stop_at; }
};

namespace {

FaultVfs::Disk* disk = nullptr;

struct File {
  sqlite3_file base;
  sqlite3_file* real;
  Image* image;  // null: not recorded
};
File& self(sqlite3_file* file) { return *reinterpret_cast<File*>(file); }
sqlite3_file* real_of(sqlite3_file* file) { return self(file).real; }

int close_file(sqlite3_file* file) {
  const int code = real_of(file)->pMethods->xClose(real_of(file));
  std::free(real_of(file));
  return code;
}

int read_file(sqlite3_file* file, void* to, int amount, sqlite3_int64 offset) {
  if (const int code = disk->before(Call::read)) return code;
  return real_of(file)->pMethods->xRead(real_of(file), to, amount, offset);
}

int write_file(sqlite3_file* file, const void* from, int amount, sqlite3_int64 offset) {
  if (const int code = disk->before(Call::write)) return code;
  if (disk->half_of_last && disk->calls == disk->off_at) {
    real_of(file)->pMethods->xWrite(real_of(file), from, amount / 2, offset);
    disk->off = true;
    return SQLITE_IOERR;
  }
  if (disk->stops_in_the_middle()) {
    real_of(file)->pMethods->xWrite(real_of(file), from, amount / 2, offset);
    disk->stop();
  }
  if (Image* image = self(file).image) {
    image->unsynced.push_back({static_cast<std::size_t>(offset),
                               std::string(static_cast<const char*>(from), static_cast<std::size_t>(amount)), false});
  }
  return real_of(file)->pMethods->xWrite(real_of(file), from, amount, offset);
}

int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
  if (const int code = disk->before(Call::truncate)) return code;
  if (Image* image = self(file).image) image->unsynced.push_back({static_cast<std::size_t>(size), "", true});
  return real_of(file)->pMethods->xTruncate(real_of(file), size);
}

int sync_file(sqlite3_file* file, int) {
  if (const int code = disk->before(Call::sync)) return code;
  if (Image* image = self(file).image) {
    for (const Change& change : image->unsynced) {
      if (change.is_truncation) {
        image->synced.resize(change.offset);
      } else {
        put(image->synced, change.offset, change.bytes);
      }
    }
    image->unsynced.clear();
  }
  return SQLITE_OK;  // the real disk has no part in this
}

int file_size(sqlite3_file* file, sqlite3_int64* size) {
  return real_of(file)->pMethods->xFileSize(real_of(file), size);
}
int lock_file(sqlite3_file* file, int level) { return real_of(file)->pMethods->xLock(real_of(file), level); }
int unlock_file(sqlite3_file* file, int level) { return real_of(file)->pMethods->xUnlock(real_of(file), level); }
int check_reserved(sqlite3_file* file, int* locked) {
  return real_of(file)->pMethods->xCheckReservedLock(real_of(file), locked);
}
int control(sqlite3_file* file, int operation, void* argument) {
  return real_of(file)->pMethods->xFileControl(real_of(file), operation, argument);
}
int sector_size(sqlite3_file* file) { return real_of(file)->pMethods->xSectorSize(real_of(file)); }
int characteristics(sqlite3_file* file) { return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file)); }

const sqlite3_io_methods kMethods = {1,         close_file,  read_file,       write_file,  truncate_file,
                                     sync_file, file_size,   lock_file,       unlock_file, check_reserved,
                                     control,   sector_size, characteristics, nullptr,     nullptr,
                                     nullptr,   nullptr,     nullptr,         nullptr};

int open_file(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* flags_out) {
  self(file) = {};
  if (const int code = disk->before(Call::open)) return code;
  File& opened = self(file);
  opened.real = static_cast<sqlite3_file*>(std::calloc(1, static_cast<std::size_t>(disk->real->szOsFile)));
  const int code = disk->real->xOpen(disk->real, name, opened.real, flags, flags_out);
  if (code != SQLITE_OK) {
    if (opened.real->pMethods) opened.real->pMethods->xClose(opened.real);
    std::free(opened.real);
    return code;
  }
  opened.base.pMethods = &kMethods;
  if (disk->records && name) {
    opened.image = &disk->images[name];
    if (!opened.image->exists) *opened.image = {true, content_of(name), {}};
  }
  return SQLITE_OK;
}

int remove_file(sqlite3_vfs*, const char* name, int) {
  if (const int code = disk->before(Call::remove)) return code;
  disk->images.erase(name);  // open ones are never removed by SQLite
  return disk->real->xDelete(disk->real, name, 0);
}

int access_file(sqlite3_vfs*, const char* name, int flags, int* result) {
  return disk->real->xAccess(disk->real, name, flags, result);
}

}  // namespace

FaultVfs::FaultVfs() : disk_(std::make_unique<Disk>()) {
  sqlite3_initialize();
  disk_->real = sqlite3_vfs_find(nullptr);
  disk_->vfs = *disk_->real;
  disk_->vfs.pNext = nullptr;
  disk_->vfs.szOsFile = sizeof(File);
  disk_->vfs.zName = "faults";
  disk_->vfs.xOpen = open_file;
  disk_->vfs.xDelete = remove_file;
  disk_->vfs.xAccess = access_file;
  disk = disk_.get();
  sqlite3_vfs_register(&disk_->vfs, 1);
}

FaultVfs::~FaultVfs() {
  sqlite3_vfs_unregister(&disk_->vfs);
  sqlite3_vfs_register(disk_->real, 1);
  disk = nullptr;
}

std::uint64_t FaultVfs::calls() const { return disk_->calls; }

void FaultVfs::stop_at(std::uint64_t n, bool in_the_middle, std::function<void()> stop) {
  disk_->stop_at = disk_->calls + n;
  disk_->stop_in_the_middle = in_the_middle;
  disk_->stop = std::move(stop);
}

void FaultVfs::fail_at(std::uint64_t n, unsigned kinds, int code, std::uint64_t times) {
  disk_->fail_in = n;
  disk_->fail_kinds = kinds;
  disk_->fail_code = code;
  disk_->fail_times = times;
  disk_->failed = false;
}

void FaultVfs::heal() { disk_->fail_times = 0; }
bool FaultVfs::has_failed() const { return disk_->failed; }

void FaultVfs::die_at(std::uint64_t n, bool in_the_middle) {
  disk_->off_at = disk_->calls + n;
  disk_->half_of_last = in_the_middle;
}

void FaultVfs::power_off_at(std::uint64_t n) {
  disk_->records = true;
  disk_->off_at = disk_->calls + n;
}

bool FaultVfs::is_off() const { return disk_->off; }

void FaultVfs::restore_after_power_loss(std::mt19937_64& random) {
  for (const auto& [path, image] : disk_->images) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << after_power_loss(image, random);
  }
  disk_->images.clear();
  disk_->off = disk_->records = false;
  disk_->off_at = 0;
}

}  // namespace spex::store::testing
