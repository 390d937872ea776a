// Writing JSON by hand, for processes that need no parser: quoting and nothing else.
#pragma once

#include <string>
#include <string_view>

namespace spex::base {

// `text` as a JSON string with its quotes. Bytes that are not UTF-8 become
// U+FFFD, so the result is always valid JSON.
std::string json_quote(std::string_view text);

// Whether `text` is well-formed UTF-8 (no surrogates, no overlong forms; RFC 3629).
bool is_utf8(std::string_view text);

}  // namespace spex::base
