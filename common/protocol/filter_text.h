// The words of the filter language, shared by its text and its wire form.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "protocol/filter.h"

namespace spex::protocol {

// "=", "!=", "<", …, "in", "and", "or", "not".
std::string_view filter_word(FilterOperator op);
std::optional<FilterOperator> find_filter_word(std::string_view word);
bool is_comparison(FilterOperator op);  // one of the six

// What names and keys outside of quotes are made of.
bool is_word_byte(char c);

// specification, current_state, idle, created.
std::optional<FilterField::Kind> find_filter_field(std::string_view name);
// `specification`, `idle`, `meta.customer."odd key"`, …
std::string field_text(const FilterField& field);
base::Result<FilterField> parse_field(std::string_view text);

}  // namespace spex::protocol
