// A fixed piece of work of the kind that comparing systems does: sorting, and going through memory out of order.
// Prints its CPU seconds, without the process's start: how fast this machine is just now, for figures taken on a shared
// one. It is short, so that it can be run before each measured process.
#include <sys/resource.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <random>
#include <vector>

namespace {

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         1e-6 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

}  // namespace

int main() {
  constexpr std::uint32_t kSize = 1U << 18U;
  const double begin = cpu_seconds();
  std::mt19937 random(1);
  std::vector<std::uint32_t> numbers(kSize);
  for (std::uint32_t& number : numbers) number = static_cast<std::uint32_t>(random());
  std::uint64_t sum = 0;
  for (std::uint32_t round = 0, at = 0; round < 4 * kSize; ++round) {
    at = (numbers[at] + round) % kSize;
    sum += numbers[at];
  }
  std::sort(numbers.begin(), numbers.begin() + kSize / 2);
  std::printf("%.4f %llu\n", cpu_seconds() - begin, static_cast<unsigned long long>(sum + numbers[kSize / 8]));
}
