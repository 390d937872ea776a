#include "protocol/value.h"

#include <bit>
#include <limits>

namespace spex::protocol {

Value::Value(std::uint64_t value) {
  if (value <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    content = static_cast<std::int64_t>(value);
  } else {
    content = value;
  }
}

const Value* Value::find(std::string_view key) const {
  const Map* members = map();
  if (members == nullptr) return nullptr;
  for (const auto& [name, value] : *members) {
    const std::string* text = name.string();
    if (text != nullptr && *text == key) return &value;
  }
  return nullptr;
}

bool Value::operator==(const Value& other) const {
  const double* a = std::get_if<double>(&content);
  const double* b = std::get_if<double>(&other.content);
  if (a != nullptr && b != nullptr) return std::bit_cast<std::uint64_t>(*a) == std::bit_cast<std::uint64_t>(*b);
  return content == other.content;
}

}  // namespace spex::protocol
