// SteppedClock: the wall clock of the programs under test, to be moved at will
// while they run (by way of clock_shim.cpp). Its environment goes to the program.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "base/assert.h"

namespace spex::test {

class SteppedClock {
 public:
  // `file` is created; `shim` is the shared library.
  SteppedClock(std::string file, std::string shim) : file_(std::move(file)), shim_(std::move(shim)) {
    const int fd = ::open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    SPEX_ASSERT(fd >= 0);
    SPEX_ASSERT(::ftruncate(fd, sizeof(std::int64_t)) == 0);
    void* mapped = ::mmap(nullptr, sizeof(std::int64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ::close(fd);
    SPEX_ASSERT(mapped != MAP_FAILED);
    offset_ = static_cast<std::atomic<std::int64_t>*>(mapped);
  }
  ~SteppedClock() { ::munmap(offset_, sizeof(std::int64_t)); }
  SteppedClock(const SteppedClock&) = delete;
  SteppedClock& operator=(const SteppedClock&) = delete;

  // The clock shows the true time plus so much from now on.
  void set_offset(std::int64_t microseconds) { *offset_ = microseconds; }
  std::int64_t offset() const { return *offset_; }

  std::vector<std::pair<std::string, std::string>> environment() const {
    // A sanitizer's library would otherwise insist on being the first.
    const char* options = std::getenv("ASAN_OPTIONS");
    return {{"LD_PRELOAD", shim_},
            {"CLOCK_SHIM", file_},
            {"ASAN_OPTIONS", std::string(options != nullptr ? options : "") + ":verify_asan_link_order=0"}};
  }

 private:
  std::string file_;
  std::string shim_;
  std::atomic<std::int64_t>* offset_ = nullptr;
};

}  // namespace spex::test
