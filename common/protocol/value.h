// Value: any MessagePack value that is not an extension. Used where structure is
// not known beforehand: identifiers, meta, error contexts, status documents.
// Never on the hot path of a transition.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace spex::protocol {

struct Value;
struct Binary {
  std::string bytes;
  bool operator==(const Binary&) const = default;
};
using Array = std::vector<Value>;
// In the order of the wire; keys may be any value. Lookup is linear: maps here are small.
using Map = std::vector<std::pair<Value, Value>>;

struct Value {
  // int64 for everything that fits; uint64 only above 2^63-1.
  using Content =
      std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string, Binary, Array, Map>;
  Content content;

  Value() = default;
  Value(std::nullptr_t) {}                                        // NOLINT: implicit by design
  Value(bool value) : content(value) {}                           // NOLINT
  Value(int value) : content(std::int64_t{value}) {}              // NOLINT
  Value(std::int64_t value) : content(value) {}                   // NOLINT
  Value(std::uint64_t value);                                     // NOLINT
  Value(std::uint32_t value) : content(std::int64_t{value}) {}    // NOLINT
  Value(double value) : content(value) {}                         // NOLINT
  Value(const char* value) : content(std::string(value)) {}       // NOLINT
  Value(std::string_view value) : content(std::string(value)) {}  // NOLINT
  Value(std::string value) : content(std::move(value)) {}         // NOLINT
  Value(Binary value) : content(std::move(value)) {}              // NOLINT
  Value(Array value) : content(std::move(value)) {}               // NOLINT
  Value(Map value) : content(std::move(value)) {}                 // NOLINT

  bool is_nil() const { return std::holds_alternative<std::monostate>(content); }
  const std::string* string() const { return std::get_if<std::string>(&content); }
  const Array* array() const { return std::get_if<Array>(&content); }
  const Map* map() const { return std::get_if<Map>(&content); }
  const bool* boolean() const { return std::get_if<bool>(&content); }
  const std::int64_t* integer() const { return std::get_if<std::int64_t>(&content); }
  // The member of a map under a string key, or null (also if this is no map).
  const Value* find(std::string_view key) const;

  bool operator==(const Value& other) const;  // structural; 1 and 1.0 differ, 0.0 and -0.0 differ
};

}  // namespace spex::protocol
