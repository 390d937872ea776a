#include "fuzz_driver.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>

namespace {

constexpr std::uint64_t kSeed = 1;
constexpr int kMutationsDefault = 100'000;

void run(const std::string& input) {
  // A copy of exact size on the heap, so that the address sanitizer sees any overrun.
  const std::vector<std::uint8_t> exact(input.begin(), input.end());
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

std::string mutated(std::string input, const std::vector<std::string>& seeds, std::mt19937_64& random) {
  const auto below = [&random](std::size_t limit) { return static_cast<std::size_t>(random() % limit); };
  for (std::size_t changes = 1 + below(4); changes > 0; --changes) {
    const std::size_t at = below(input.size() + 1);
    switch (below(6)) {
      case 0:
        input.resize(at);
        break;
      case 1:
        input.insert(at, 1, static_cast<char>(random()));
        break;
      case 2:
        input.erase(at, 1 + below(8));
        break;
      case 3:
        input.insert(at, input.substr(at, below(32)));
        break;
      case 4: {
        const std::string& other = seeds[below(seeds.size())];
        input = input.substr(0, at) + other.substr(below(other.size() + 1));
        break;
      }
      default:
        if (at < input.size()) input[at] = static_cast<char>(random());
    }
  }
  return input.substr(0, 64 * 1024);
}

// So that libFuzzer can begin with them.
void write_seeds(const std::vector<std::string>& seeds, const std::string& directory) {
  for (std::size_t i = 0; i < seeds.size(); ++i) {
    std::ofstream(directory + "/seed-" + std::to_string(i), std::ios::binary) << seeds[i];
  }
}

}  // namespace

// [DATA [MUTATIONS [DIRECTORY]]]: with DIRECTORY the seeds are written there, one a file.
int main(int count, char** arguments) {
  const std::vector<std::string> seeds = fuzz_seeds(count > 1 ? arguments[1] : SPEX_SOURCE_DIR "/tests/data");
  const int mutations = count > 2 ? std::atoi(arguments[2]) : kMutationsDefault;
  if (count > 3) write_seeds(seeds, arguments[3]);
  std::mt19937_64 random(kSeed);
  for (const std::string& seed : seeds) run(seed);
  for (int i = 0; i < mutations; ++i) run(mutated(seeds[random() % seeds.size()], seeds, random));
  std::printf("%zu seeds, %d mutations from seed %llu\n", seeds.size(), mutations,
              static_cast<unsigned long long>(kSeed));
  return seeds.empty() ? 1 : 0;
}
