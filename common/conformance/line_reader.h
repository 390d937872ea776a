// LineReader: the lines of a text one after the other, with their numbers. Private to the
// readers of this folder.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace spex::conformance {

class LineReader {
 public:
  explicit LineReader(std::string_view text) : rest_(text) {}

  // Without the newline; nothing at the end. A text that ends in a newline has no line after it.
  std::optional<std::string_view> next() {
    if (rest_.empty()) return std::nullopt;
    ++number_;
    const std::size_t end = rest_.find('\n');
    const std::string_view line = rest_.substr(0, end);
    rest_ = end == std::string_view::npos ? std::string_view{} : rest_.substr(end + 1);
    return line;
  }
  // Of the line last returned, from 1.
  std::size_t number() const { return number_; }

 private:
  std::string_view rest_;
  std::size_t number_ = 0;
};

// `line` after `prefix`, if it begins so.
inline std::optional<std::string_view> after(std::string_view line, std::string_view prefix) {
  if (!line.starts_with(prefix)) return std::nullopt;
  return line.substr(prefix.size());
}

}  // namespace spex::conformance
