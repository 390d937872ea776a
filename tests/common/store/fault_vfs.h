// A disk that fails to order: a SQLite VFS over the unix one that counts what is
// done to files (open, write, sync, truncate, delete) and at the n-th call ends the
// process, answers an error, or loses power. The default VFS while it lives, so that
// stores opened then lie upon it. One at a time.
//
// Power loss: it keeps, per file, what was synced and each write after that. After
// power_off() nothing more reaches a file; restore_after_power_loss() leaves of each
// file what was synced and, of what was not, arbitrary sectors, reordered and torn.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>

namespace spex::store::testing {

enum class Call : std::uint8_t { open = 1, write = 2, sync = 4, truncate = 8, remove = 16, read = 32 };

class FaultVfs {
 public:
  FaultVfs();
  ~FaultVfs();
  FaultVfs(const FaultVfs&) = delete;
  FaultVfs& operator=(const FaultVfs&) = delete;

  // Calls counted so far: all but reads.
  std::uint64_t calls() const;
  // Before (or in the middle of) the n-th call from now on, `stop` is called; 1: the next one.
  void stop_at(std::uint64_t n, bool in_the_middle, std::function<void()> stop);
  // The n-th call of these kinds from now on, and the `times - 1` after it, fail with SQLite's code.
  void fail_at(std::uint64_t n, unsigned kinds, int code, std::uint64_t times);
  void heal();
  bool has_failed() const;  // since fail_at()

  // From the n-th call on nothing reaches a file, and each call fails, as if the process were
  // dead; half of that call, if it writes, still gets through.
  void die_at(std::uint64_t n, bool in_the_middle);
  // The same without the half, and what is not synced then is at stake.
  void power_off_at(std::uint64_t n);
  bool is_off() const;
  void restore_after_power_loss(std::mt19937_64& random);

  struct Disk;

 private:
  std::unique_ptr<Disk> disk_;
};

inline constexpr int kErrorFull = 13;                 // SQLITE_FULL
inline constexpr int kErrorWrite = 10 | (3 << 8);     // SQLITE_IOERR_WRITE
inline constexpr int kErrorSync = 10 | (4 << 8);      // SQLITE_IOERR_FSYNC
inline constexpr int kErrorTruncate = 10 | (6 << 8);  // SQLITE_IOERR_TRUNCATE
inline constexpr int kErrorRead = 10 | (1 << 8);      // SQLITE_IOERR_READ
inline constexpr int kErrorOpen = 14;                 // SQLITE_CANTOPEN

}  // namespace spex::store::testing
