#include "protocol/number_text.h"

#include <array>
#include <charconv>
#include <string_view>

#include "base/assert.h"

namespace spex::protocol {

void append_float(std::string& out, double number) {
  std::array<char, 32> buffer;
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number);
  SPEX_ASSERT(error == std::errc());
  const std::string_view text(buffer.data(), static_cast<std::size_t>(end - buffer.data()));
  out += text;
  if (text.find_first_of(".e") == std::string_view::npos) out += ".0";
}

}  // namespace spex::protocol
