#include "protocol/base64.h"

#include <algorithm>
#include <cstdint>

namespace spex::protocol {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string to_base64(std::string_view bytes) {
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0u);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      const bool is_padding = j > bytes.size() - i;
      out += is_padding ? '=' : kAlphabet[(group >> (6 * (3 - j))) & 63];
    }
  }
  return out;
}

std::optional<std::string> from_base64(std::string_view text) {
  std::string out;
  std::uint32_t bits = 0;
  int held = 0;
  const std::size_t end = std::min(text.find('='), text.size());
  for (const char c : text.substr(0, end)) {
    const std::size_t value = kAlphabet.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    out += static_cast<char>(bits >> held);
    bits &= (1u << held) - 1;
  }
  // Padding of the right length, no bits lost: whatever is not so encodes differently.
  if (to_base64(out) != text) return std::nullopt;
  return out;
}

}  // namespace spex::protocol
