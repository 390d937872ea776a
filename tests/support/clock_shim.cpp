// Clock shim: preloaded (LD_PRELOAD) into the programs under test, it adds to the
// wall clock the microseconds that stand in the file named by CLOCK_SHIM (8
// bytes, mapped, so that a test can step the clock of running processes). The
// monotonic clock is left alone: that is what a stepped clock is.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>

namespace {

const std::atomic<std::int64_t>* map_offset() {
  const char* path = std::getenv("CLOCK_SHIM");
  const int fd = path != nullptr ? ::open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (fd < 0) return nullptr;
  void* mapped = ::mmap(nullptr, sizeof(std::int64_t), PROT_READ, MAP_SHARED, fd, 0);
  ::close(fd);
  return mapped == MAP_FAILED ? nullptr : static_cast<const std::atomic<std::int64_t>*>(mapped);
}

void step(timespec& time) {
  static const std::atomic<std::int64_t>* const offset = map_offset();
  if (offset == nullptr) return;
  constexpr std::int64_t kNano = 1'000'000'000;
  const std::int64_t shifted = time.tv_sec * kNano + time.tv_nsec + offset->load() * 1'000;
  time.tv_sec = shifted / kNano;
  time.tv_nsec = shifted % kNano;
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  using Real = int (*)(clockid_t, timespec*);
  static const Real real = reinterpret_cast<Real>(::dlsym(RTLD_NEXT, "clock_gettime"));
  const int result = real(clock, time);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) step(*time);
  return result;
}

int gettimeofday(timeval* value, void*) noexcept {
  timespec time{};
  if (clock_gettime(CLOCK_REALTIME, &time) != 0) return -1;
  value->tv_sec = time.tv_sec;
  value->tv_usec = time.tv_nsec / 1'000;
  return 0;
}

time_t time(time_t* out) noexcept {
  timespec value{};
  if (clock_gettime(CLOCK_REALTIME, &value) != 0) return -1;
  if (out != nullptr) *out = value.tv_sec;
  return value.tv_sec;
}
}
