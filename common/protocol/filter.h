// Filter: a small boolean expression over instances, as data. Three forms of
// the same: text (`spexctl instances --where`), MessagePack (on the wire), Filter.
//
//   specification = "order" and not (current_state in ("done", "lost")) and idle > 5m
//   created < "2026-01-01T00:00:00Z" or meta.customer.country != "NL"
//
// On the wire: ["and", f, …], ["or", f, …], ["not", f], [op, field, value] with op one of
// = != < <= > >=, ["in", field, [value, …]]; nil and {} match all;
// {"specification": S, "current_state": Q} is short for equality on both.
// `idle` takes microseconds there, `created` microseconds since 1970.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "protocol/value.h"

namespace spex::protocol {

enum class FilterOperator : std::uint8_t {
  all,
  conjunction,
  disjunction,
  negation,
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  member
};

// What a comparison looks at. `path`: the keys into meta, at least one there.
struct FilterField {
  enum class Kind : std::uint8_t { specification, current_state, idle, created, meta };
  Kind kind = Kind::specification;
  std::vector<std::string> path;
  bool operator==(const FilterField&) const = default;
};

// What a filter may ask about one instance. created() and meta() are asked only
// when the rest did not decide, meta() at most once per evaluation.
class FilterSubject {
 public:
  virtual ~FilterSubject() = default;
  virtual std::string_view specification() const = 0;
  virtual std::string_view current_state() const = 0;
  virtual std::int64_t idle() const = 0;        // microseconds since the newest record (or creation)
  virtual base::Timestamp created() const = 0;  // may be costly
  virtual Value meta() const = 0;               // nil or a map; may be costly
};

// Limits: refused with invalid_argument beyond them.
constexpr std::size_t kFilterNodesMax = 256;
constexpr std::size_t kFilterBytesMax = 16 * 1024;

class Filter {
 public:
  Filter() = default;  // matches all

  // malformed with the column for text; invalid_argument for MessagePack.
  static base::Result<Filter> parse(std::string_view text);
  static base::Result<Filter> decode(std::string_view encoded);  // empty: matches all

  std::string to_text() const;  // parse(to_text()) is the same filter; "" matches all
  std::string encode() const;   // canonical: one text, one encoding

  bool matches_all() const { return op_ == FilterOperator::all; }
  // A comparison of values of different types is false, whatever the operator; integers
  // and floats are one type, text has byte order, truth and nil have none. A path
  // that is not there compares with nothing.
  bool matches(const FilterSubject& subject) const;
  // If not empty: every match is of one of these; lets a scan skip the others.
  std::vector<std::string> only_specifications() const;

  bool operator==(const Filter&) const = default;

 private:
  friend class FilterParser;
  friend class FilterDecoder;
  class Evaluation;

  static Filter combine(FilterOperator op, std::vector<Filter> operands);
  // invalid_argument where the field is no match for the type of a value.
  static base::Result<Filter> compare(FilterOperator op, FilterField field, std::vector<Value> values);

  void append_text(std::string& out) const;
  void append_encoding(std::string& out) const;

  FilterOperator op_ = FilterOperator::all;
  bool is_costly_ = false;        // asks for created or meta
  std::vector<Filter> operands_;  // of and, or, not
  FilterField field_;             // of comparison and membership
  std::vector<Value> values_;     // one of a comparison, any number of a membership
};

}  // namespace spex::protocol
