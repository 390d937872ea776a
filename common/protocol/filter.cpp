#include "protocol/filter.h"

#include <algorithm>
#include <cmath>
#include <compare>
#include <optional>

#include "base/json_text.h"

namespace spex::protocol {
namespace {

using base::fail;
using base::Reason;
using Kind = FilterField::Kind;

// What can be said as text: 10,000 years, and the years 1 to 9999.
constexpr std::int64_t kIdleMax = 3'652'500LL * 86'400'000'000LL;
constexpr base::Timestamp kCreatedMin = -62'135'596'800'000'000LL;
constexpr base::Timestamp kCreatedMax = 253'402'300'799'999'999LL;

std::optional<long double> number(const Value& value) {
  // 64 bits of mantissa: every integer and every double is exact.
  static_assert(__LDBL_MANT_DIG__ >= 64, "integers of 64 bits compare exactly as long double");
  if (const auto* integer = std::get_if<std::int64_t>(&value.content)) return static_cast<long double>(*integer);
  if (const auto* large = std::get_if<std::uint64_t>(&value.content)) return static_cast<long double>(*large);
  if (const auto* real = std::get_if<double>(&value.content)) return static_cast<long double>(*real);
  return std::nullopt;
}

// Nothing for values of different types, and for what has no order but equality
// where they differ.
struct Comparison {
  bool comparable = false;
  std::partial_ordering order = std::partial_ordering::unordered;
};

Comparison compare_values(const Value& a, const Value& b) {
  const auto x = number(a);
  const auto y = number(b);
  if (x && y) return {true, *x <=> *y};
  if (a.string() != nullptr && b.string() != nullptr) return {true, *a.string() <=> *b.string()};
  if (a.content.index() != b.content.index() || x) return {};
  if (a.boolean() == nullptr && !a.is_nil()) return {};
  return {true, a == b ? std::partial_ordering::equivalent : std::partial_ordering::unordered};
}

bool holds(FilterOperator op, const Value& left, const Value& right) {
  const auto [comparable, order] = compare_values(left, right);
  if (!comparable) return false;
  switch (op) {
    case FilterOperator::equal:
      return order == 0;
    case FilterOperator::not_equal:
      return order != 0;
    case FilterOperator::less:
      return order < 0;
    case FilterOperator::less_equal:
      return order <= 0;
    case FilterOperator::greater:
      return order > 0;
    case FilterOperator::greater_equal:
      return order >= 0;
    case FilterOperator::all:
    case FilterOperator::conjunction:
    case FilterOperator::disjunction:
    case FilterOperator::negation:
    case FilterOperator::member:
      break;
  }
  return false;
}

// Whether a value of a filter suits its field, and what would.
const char* wrong_type(const FilterField& field, const Value& value) {
  const auto* integer = std::get_if<std::int64_t>(&value.content);
  switch (field.kind) {
    case Kind::specification:
    case Kind::current_state:
      return value.string() != nullptr ? nullptr : "compares with text";
    case Kind::idle:
      return integer != nullptr && *integer >= 0 && *integer <= kIdleMax ? nullptr : "compares with a duration";
    case Kind::created:
      return integer != nullptr && *integer >= kCreatedMin && *integer <= kCreatedMax ? nullptr
                                                                                      : "compares with a time";
    case Kind::meta:
      break;
  }
  const double* real = std::get_if<double>(&value.content);
  if (real != nullptr && !std::isfinite(*real)) return "compares with finite numbers only";
  const bool is_scalar = value.string() != nullptr || value.boolean() != nullptr || value.is_nil() || number(value);
  return is_scalar ? nullptr : "compares with text, numbers, true, false and null";
}

}  // namespace

Filter Filter::combine(FilterOperator op, std::vector<Filter> operands) {
  Filter filter;
  filter.op_ = op;
  filter.operands_ = std::move(operands);
  for (const Filter& operand : filter.operands_) filter.is_costly_ = filter.is_costly_ || operand.is_costly_;
  return filter;
}

base::Result<Filter> Filter::compare(FilterOperator op, FilterField field, std::vector<Value> values) {
  for (const std::string& key : field.path) {
    if (!base::is_utf8(key)) return fail(Reason::invalid_argument, "is not UTF-8");
  }
  for (const Value& value : values) {
    if (const char* problem = wrong_type(field, value)) return fail(Reason::invalid_argument, problem);
    if (value.string() != nullptr && !base::is_utf8(*value.string())) {
      return fail(Reason::invalid_argument, "compares with text in UTF-8 only");
    }
  }
  Filter filter;
  filter.op_ = op;
  filter.is_costly_ = field.kind == Kind::created || field.kind == Kind::meta;
  filter.field_ = std::move(field);
  filter.values_ = std::move(values);
  return filter;
}

// One evaluation over one instance: what was fetched for it.
class Filter::Evaluation {
 public:
  explicit Evaluation(const FilterSubject& subject) : subject_(subject) {}

  bool matches(const Filter& filter) {
    switch (filter.op_) {
      case FilterOperator::all:
        return true;
      case FilterOperator::conjunction:
        return !any_is(false, filter.operands_);
      case FilterOperator::disjunction:
        return any_is(true, filter.operands_);
      case FilterOperator::negation:
        return !matches(filter.operands_.front());
      case FilterOperator::equal:
      case FilterOperator::not_equal:
      case FilterOperator::less:
      case FilterOperator::less_equal:
      case FilterOperator::greater:
      case FilterOperator::greater_equal:
      case FilterOperator::member:
        return compares(filter);
    }
    return false;
  }

 private:
  // The cheap operands first, whatever their order in the text.
  bool any_is(bool wanted, const std::vector<Filter>& operands) {
    for (const bool costly : {false, true}) {
      for (const Filter& operand : operands) {
        if (operand.is_costly_ == costly && matches(operand) == wanted) return true;
      }
    }
    return false;
  }

  bool compares(const Filter& filter) {
    if (filter.field_.kind == Kind::meta) {
      const Value* value = meta_at(filter.field_.path);
      return value != nullptr && compares(filter, *value);
    }
    return compares(filter, field_value(filter.field_.kind));
  }

  static bool compares(const Filter& filter, const Value& left) {
    const FilterOperator op = filter.op_ == FilterOperator::member ? FilterOperator::equal : filter.op_;
    return std::any_of(filter.values_.begin(), filter.values_.end(),
                       [&](const Value& right) { return holds(op, left, right); });
  }

  Value field_value(Kind kind) const {
    switch (kind) {
      case Kind::specification:
        return subject_.specification();
      case Kind::current_state:
        return subject_.current_state();
      case Kind::idle:
        return subject_.idle();
      case Kind::created:
        return subject_.created();
      case Kind::meta:
        break;
    }
    return {};
  }

  const Value* meta_at(const std::vector<std::string>& path) {
    if (!meta_) meta_ = subject_.meta();
    const Value* value = &*meta_;
    for (const std::string& key : path) {
      value = value->find(key);
      if (value == nullptr) return nullptr;
    }
    return value;
  }

  const FilterSubject& subject_;
  std::optional<Value> meta_;
};

bool Filter::matches(const FilterSubject& subject) const { return Evaluation(subject).matches(*this); }

std::vector<std::string> Filter::only_specifications() const {
  std::vector<std::string> names;
  if (op_ == FilterOperator::conjunction) {
    for (const Filter& operand : operands_) {
      names = operand.only_specifications();
      if (!names.empty()) return names;
    }
  } else if (op_ == FilterOperator::disjunction) {
    for (const Filter& operand : operands_) {
      const std::vector<std::string> more = operand.only_specifications();
      if (more.empty()) return {};
      names.insert(names.end(), more.begin(), more.end());
    }
  } else if ((op_ == FilterOperator::equal || op_ == FilterOperator::member) && field_.kind == Kind::specification) {
    for (const Value& value : values_) names.push_back(*value.string());
  }
  return names;
}

}  // namespace spex::protocol
