// SHA-256 (FIPS 180-4), so that `sha256sum` can check what a manifest says.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace spex::dataops {

class Sha256 {
 public:
  void add(std::string_view bytes);
  std::string finish();  // 64 hex digits; nothing may be added afterwards

 private:
  void take_block(const std::uint8_t* block);

  std::array<std::uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<std::uint8_t, 64> pending_{};
  std::size_t used_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace spex::dataops
