// Base64 with the standard alphabet and padding (RFC 4648, section 4).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace spex::protocol {

std::string to_base64(std::string_view bytes);
// Nothing for text that to_base64 would not have written.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace spex::protocol
