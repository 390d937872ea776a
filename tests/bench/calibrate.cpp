// A fixed piece of work of the kind that comparing systems does: sorting, and going through memory out of order.
// Prints its CPU seconds: how fast this machine is just now, for figures taken on a shared one.
#include <sys/resource.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <random>
#include <vector>

int main() {
  constexpr std::uint32_t kSize = 1U << 21U;
  std::mt19937 random(1);
  std::vector<std::uint32_t> numbers(kSize);
  for (std::uint32_t& number : numbers) number = static_cast<std::uint32_t>(random());
  std::vector<std::uint32_t> next(kSize);
  for (std::uint32_t i = 0; i < kSize; ++i) next[i] = numbers[i] % kSize;
  std::uint64_t sum = 0;
  for (std::uint32_t round = 0, at = 0; round < kSize; ++round) {
    at = (next[at] + round) % kSize;
    sum += numbers[at];
  }
  std::sort(numbers.begin(), numbers.begin() + kSize / 4);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const double seconds = static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                         1e-6 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
  std::printf("%.4f %llu\n", seconds, static_cast<unsigned long long>(sum + numbers[kSize / 8]));
}
