// Documents: values of the wire in the form that people and scripts read, the
// same in `batch` and in `--json`: timestamps as RFC 3339, lists sorted.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/value.h"

namespace spex::ctl {

// {"specification","identifier","meta","current_state","transitions":[[action,to_state,timestamp]…]}.
// A record's time of occurrence follows as fourth element with `with_occurred_at`.
protocol::Value readable_instance(const protocol::Value& instance, bool with_occurred_at = false);
// An error's context with its instance, if it has one, in that form.
protocol::Value readable_context(const protocol::Value& context);
// [{"specification","learning_mode","transitions":[[from or null, action, to]…]}…], sorted.
protocol::Value readable_models(const protocol::Value& models);
// [{"filename","content"}…], sorted by file name.
protocol::Value readable_files(const protocol::Value& files);

// The text of a string value, or `otherwise`.
std::string text_or(const protocol::Value& value, std::string_view otherwise);
std::string member_text(const protocol::Value& map, std::string_view key);  // "" if it is no string
// Of the explanation in the context of a deviation, in words; "" if there is none.
std::string story_in(const protocol::Value& context);
std::int64_t member_integer(const protocol::Value& map, std::string_view key, std::int64_t otherwise = 0);
bool member_flag(const protocol::Value& map, std::string_view key);
const protocol::Array& member_array(const protocol::Value& map, std::string_view key);  // empty if it is none

}  // namespace spex::ctl
