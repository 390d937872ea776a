#include "ctl/documents.h"

#include <algorithm>

#include "base/duration.h"
#include "ctl/output.h"

namespace spex::ctl {
namespace {

using protocol::Array;
using protocol::Map;
using protocol::Value;

Value timestamp(const Value& value) {
  return value.integer() != nullptr ? Value(base::format_timestamp(*value.integer())) : value;
}

Value member(const Value& map, std::string_view key) {
  const Value* found = map.find(key);
  return found == nullptr ? Value() : *found;
}

Value readable_record(const Value& record, bool with_occurred_at) {
  const Array* parts = record.array();
  if (parts == nullptr || parts->size() < 3) return record;
  Array result{(*parts)[0], (*parts)[1], timestamp((*parts)[2])};
  if (with_occurred_at && parts->size() > 3 && !(*parts)[3].is_nil()) result.push_back(timestamp((*parts)[3]));
  return result;
}

std::string line_of(const Value& transition) {
  const Array* parts = transition.array();
  if (parts == nullptr || parts->size() < 3) return "";
  return transition_text(text_or((*parts)[0], "nil"), text_or((*parts)[1], ""), text_or((*parts)[2], ""));
}

Value readable_model(const Value& model) {
  Array transitions;
  for (const Value& transition : member_array(model, "transitions")) {
    const Array* parts = transition.array();
    if (parts == nullptr || parts->size() < 3) continue;
    transitions.push_back(Array(parts->begin(), parts->begin() + 3));
  }
  std::sort(transitions.begin(), transitions.end(),
            [](const Value& a, const Value& b) { return line_of(a) < line_of(b); });
  return Map{{"specification", member(model, "specification")},
             {"learning_mode", member(model, "learning_mode")},
             {"transitions", std::move(transitions)}};
}

void sort_by(Array& list, std::string_view key) {
  std::sort(list.begin(), list.end(),
            [&](const Value& a, const Value& b) { return member_text(a, key) < member_text(b, key); });
}

}  // namespace

Value readable_instance(const Value& instance, bool with_occurred_at) {
  if (instance.map() == nullptr) return instance;
  Array records;
  for (const Value& record : member_array(instance, "transitions")) {
    records.push_back(readable_record(record, with_occurred_at));
  }
  return Map{{"specification", member(instance, "specification")},
             {"identifier", member(instance, "identifier")},
             {"meta", member(instance, "meta")},
             {"current_state", member(instance, "current_state")},
             {"transitions", std::move(records)}};
}

Value readable_context(const Value& context) {
  const Map* map = context.map();
  if (map == nullptr) return context.is_nil() ? Value(Map()) : context;
  Map result = *map;
  for (auto& [key, value] : result) {
    if (key.string() != nullptr && *key.string() == "instance") value = readable_instance(value);
  }
  return result;
}

Value readable_models(const Value& models) {
  Array result;
  if (models.array() != nullptr) {
    for (const Value& model : *models.array()) result.push_back(readable_model(model));
  }
  sort_by(result, "specification");
  return result;
}

Value readable_files(const Value& files) {
  Array result;
  if (files.array() != nullptr) {
    for (const Value& file : *files.array()) {
      const Array* parts = file.array();
      if (parts != nullptr && parts->size() >= 2) {
        result.push_back(Map{{"filename", (*parts)[0]}, {"content", (*parts)[1]}});
      }
    }
  }
  sort_by(result, "filename");
  return result;
}

std::string text_or(const Value& value, std::string_view otherwise) {
  return value.string() != nullptr ? *value.string() : std::string(otherwise);
}

std::string member_text(const Value& map, std::string_view key) { return text_or(member(map, key), ""); }
std::string story_in(const Value& context) { return member_text(member(context, "explanation"), "story"); }

std::int64_t member_integer(const Value& map, std::string_view key, std::int64_t otherwise) {
  const Value* found = map.find(key);
  return found != nullptr && found->integer() != nullptr ? *found->integer() : otherwise;
}

bool member_flag(const Value& map, std::string_view key) {
  const Value* found = map.find(key);
  return found != nullptr && found->boolean() != nullptr && *found->boolean();
}

const Array& member_array(const Value& map, std::string_view key) {
  static const Array kEmpty;
  const Value* found = map.find(key);
  return found != nullptr && found->array() != nullptr ? *found->array() : kEmpty;
}

}  // namespace spex::ctl
