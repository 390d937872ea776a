#include "protocol/filter_text.h"

#include <algorithm>
#include <array>

#include "base/duration.h"
#include "base/json_text.h"
#include "protocol/messages.h"
#include "protocol/number_text.h"

namespace spex::protocol {
namespace {

using base::fail;
using base::Reason;
using base::Result;
using Kind = FilterField::Kind;

struct Word {
  std::string_view text;
  FilterOperator op;
};
constexpr std::array kWords = {
    Word{"and", FilterOperator::conjunction}, Word{"or", FilterOperator::disjunction},
    Word{"not", FilterOperator::negation},    Word{"in", FilterOperator::member},
    Word{"=", FilterOperator::equal},         Word{"!=", FilterOperator::not_equal},
    Word{"<", FilterOperator::less},          Word{"<=", FilterOperator::less_equal},
    Word{">", FilterOperator::greater},       Word{">=", FilterOperator::greater_equal},
};

struct NamedField {
  std::string_view name;
  Kind kind;
};
constexpr std::array kFields = {
    NamedField{"specification", Kind::specification},
    NamedField{"current_state", Kind::current_state},
    NamedField{"idle", Kind::idle},
    NamedField{"created", Kind::created},
};

bool is_plain(std::string_view key) { return !key.empty() && std::all_of(key.begin(), key.end(), is_word_byte); }

}  // namespace

bool is_word_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

std::string_view filter_word(FilterOperator op) {
  for (const Word& word : kWords) {
    if (word.op == op) return word.text;
  }
  return "";
}

std::optional<FilterOperator> find_filter_word(std::string_view text) {
  for (const Word& word : kWords) {
    if (word.text == text) return word.op;
  }
  return std::nullopt;
}

bool is_comparison(FilterOperator op) { return op >= FilterOperator::equal && op <= FilterOperator::greater_equal; }

std::optional<FilterField::Kind> find_filter_field(std::string_view name) {
  for (const NamedField& named : kFields) {
    if (named.name == name) return named.kind;
  }
  return std::nullopt;
}

std::string field_text(const FilterField& field) {
  for (const NamedField& named : kFields) {
    if (named.kind == field.kind) return std::string(named.name);
  }
  std::string text = "meta";
  for (const std::string& key : field.path) text += "." + (is_plain(key) ? key : base::json_quote(key));
  return text;
}

namespace {

void append_literal(std::string& out, Kind kind, const Value& value) {
  if (const std::string* text = value.string()) {
    out += base::json_quote(*text);
  } else if (const auto* integer = std::get_if<std::int64_t>(&value.content)) {
    if (kind == Kind::idle) {
      out += base::format_duration({*integer});
    } else if (kind == Kind::created) {
      out += base::json_quote(base::format_timestamp(*integer));
    } else {
      out += std::to_string(*integer);
    }
  } else if (const auto* large = std::get_if<std::uint64_t>(&value.content)) {
    out += std::to_string(*large);
  } else if (const auto* real = std::get_if<double>(&value.content)) {
    append_float(out, *real);
  } else if (const bool* truth = value.boolean()) {
    out += *truth ? "true" : "false";
  } else {
    out += "null";
  }
}

}  // namespace

void Filter::append_text(std::string& out) const {
  if (op_ == FilterOperator::all) return;
  if (op_ == FilterOperator::negation || op_ == FilterOperator::conjunction || op_ == FilterOperator::disjunction) {
    const std::string word(filter_word(op_));
    std::string separator = op_ == FilterOperator::negation ? word + " " : "";
    for (const Filter& operand : operands_) {
      const bool in_brackets = operand.op_ == FilterOperator::conjunction || operand.op_ == FilterOperator::disjunction;
      out += separator;
      if (in_brackets) out += '(';
      operand.append_text(out);
      if (in_brackets) out += ')';
      separator = " " + word + " ";
    }
    return;
  }
  out += field_text(field_) + " " + std::string(filter_word(op_)) + " ";
  const bool is_list = op_ == FilterOperator::member;
  if (is_list) out += '(';
  const char* separator = "";
  for (const Value& value : values_) {
    out += separator;
    append_literal(out, field_.kind, value);
    separator = ", ";
  }
  if (is_list) out += ')';
}

std::string Filter::to_text() const {
  std::string out;
  append_text(out);
  return out;
}

}  // namespace spex::protocol
