// The MessagePack form of filters, both ways.
#include "base/json_text.h"
#include "protocol/codec.h"
#include "protocol/filter.h"
#include "protocol/filter_text.h"
#include "protocol/msgpack_writer.h"

namespace spex::protocol {
namespace {

using base::fail;
using base::Reason;
using base::Result;

base::Error refused(const std::string& what) { return fail(Reason::invalid_argument, "filter: " + what); }

}  // namespace

// Recursion is as deep as the value, which was read with a depth limit.
class FilterDecoder {
 public:
  Result<Filter> filter(const Value& value) {
    if (++nodes_ > kFilterNodesMax) return refused("more than " + std::to_string(kFilterNodesMax) + " parts");
    if (value.map() != nullptr) return short_form(*value.map());
    const Array* parts = value.array();
    const std::string* word = parts != nullptr && !parts->empty() ? parts->front().string() : nullptr;
    if (word == nullptr) return refused("a part is neither an array that begins with an operator nor a map");
    const auto op = find_filter_word(*word);
    if (!op) return refused("unknown operator " + base::json_quote(*word));
    if (is_comparison(*op) || *op == FilterOperator::member) return comparison(*op, *parts);
    return combination(*op, *parts);
  }

 private:
  Result<Filter> combination(FilterOperator op, const Array& parts) {
    const bool is_negation = op == FilterOperator::negation;
    if (is_negation ? parts.size() != 2 : parts.size() < 2) {
      return refused("`" + std::string(filter_word(op)) + "` takes " +
                     (is_negation ? "one part" : "at least one part"));
    }
    std::vector<Filter> operands;
    for (std::size_t i = 1; i < parts.size(); ++i) {
      SPEX_TRY_ASSIGN(Filter operand, filter(parts[i]));
      if (operand.matches_all()) return refused("{} inside another filter");
      operands.push_back(std::move(operand));
    }
    if (!is_negation && operands.size() == 1) return std::move(operands.front());
    return Filter::combine(op, std::move(operands));
  }

  Result<Filter> comparison(FilterOperator op, const Array& parts) {
    const std::string word(filter_word(op));
    const std::string* name = parts.size() == 3 ? parts[1].string() : nullptr;
    if (name == nullptr) return refused("a comparison is [\"" + word + "\", field, value]");
    Result<FilterField> field = parse_field(*name);
    if (!field) return refused("unknown field " + base::json_quote(*name));
    std::vector<Value> values{parts[2]};
    if (op == FilterOperator::member) {
      if (parts[2].array() == nullptr) return refused("`in` takes a list of values");
      values = *parts[2].array();
    }
    return compare(op, std::move(*field), std::move(values));
  }

  Result<Filter> compare(FilterOperator op, FilterField field, std::vector<Value> values) {
    const std::string name = field_text(field);
    Result<Filter> made = Filter::compare(op, std::move(field), std::move(values));
    if (!made) return refused("`" + name + "` " + made.error().message);
    return made;
  }

  Result<Filter> short_form(const Map& entries) {
    std::vector<Filter> operands;
    for (const auto& [key, value] : entries) {
      const std::string* name = key.string();
      if (name == nullptr || (*name != "specification" && *name != "current_state")) {
        return refused("the short form knows only `specification` and `current_state`");
      }
      if (value.is_nil()) continue;
      SPEX_TRY_ASSIGN(FilterField field, parse_field(*name));
      SPEX_TRY_ASSIGN(Filter equality, compare(FilterOperator::equal, std::move(field), {value}));
      operands.push_back(std::move(equality));
    }
    if (operands.empty()) return Filter();
    if (operands.size() == 1) return std::move(operands.front());
    return Filter::combine(FilterOperator::conjunction, std::move(operands));
  }

  std::size_t nodes_ = 0;
};

Result<Filter> Filter::decode(std::string_view encoded) {
  if (encoded.empty()) return Filter();
  if (encoded.size() > kFilterBytesMax) return refused("more than " + std::to_string(kFilterBytesMax) + " bytes");
  const Result<Value> value = decode_value(encoded, kDepthMax);
  if (!value) return refused("truncated, nested too deep, or an extension");
  if (value->is_nil()) return Filter();
  return FilterDecoder().filter(*value);
}

void Filter::append_encoding(std::string& out) const {
  MsgpackWriter writer(out);
  if (op_ == FilterOperator::all) {
    writer.nil();
    return;
  }
  if (op_ == FilterOperator::negation || op_ == FilterOperator::conjunction || op_ == FilterOperator::disjunction) {
    writer.array(static_cast<std::uint32_t>(operands_.size() + 1)).string(filter_word(op_));
    for (const Filter& operand : operands_) operand.append_encoding(out);
    return;
  }
  writer.array(3).string(filter_word(op_)).string(field_text(field_));
  if (op_ == FilterOperator::member) writer.array(static_cast<std::uint32_t>(values_.size()));
  for (const Value& value : values_) append_value(out, value);
}

std::string Filter::encode() const {
  std::string out;
  append_encoding(out);
  return out;
}

}  // namespace spex::protocol
