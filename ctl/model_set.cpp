#include "ctl/model_set.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>

#include "base/duration.h"
#include "conformance/model_directory.h"
#include "ctl/documents.h"
#include "ctl/output.h"

namespace spex::ctl {
namespace {

using protocol::Array;
using protocol::Value;

void sort_by_line(CountedModel& model) {
  std::map<std::string, CountedTransition> sorted;
  for (CountedTransition& counted : model.transitions) {
    std::string line = conformance::transition_line(counted.transition);
    sorted.emplace(std::move(line), std::move(counted));
  }
  model.transitions.clear();
  for (auto& [line, counted] : sorted) model.transitions.push_back(std::move(counted));
}

CountedModel model_of(const Value& value) {
  CountedModel model{member_text(value, "specification"), member_flag(value, "learning_mode"), {}};
  const Array& transitions = member_array(value, "transitions");
  const Array& sightings = member_array(value, "sightings");
  for (std::size_t i = 0; i < transitions.size(); ++i) {
    const Array* parts = transitions[i].array();
    if (parts == nullptr || parts->size() < 3) continue;
    CountedTransition counted;
    counted.transition = {text_or((*parts)[0], ""), text_or((*parts)[1], ""), text_or((*parts)[2], "")};
    const Array* seen = i < sightings.size() ? sightings[i].array() : nullptr;
    const auto number = [&](std::size_t at) {
      return seen != nullptr && at < seen->size() && (*seen)[at].integer() != nullptr ? *(*seen)[at].integer() : 0;
    };
    counted.count = static_cast<std::uint64_t>(std::max<std::int64_t>(number(0), 0));
    counted.first_at = number(1);
    counted.last_at = number(2);
    model.transitions.push_back(std::move(counted));
  }
  sort_by_line(model);
  return model;
}

CountedModel model_of(conformance::ModelText text) {
  CountedModel model{std::move(text.specification), text.learning, {}};
  for (auto& transition : text.transitions) model.transitions.push_back({std::move(transition)});
  sort_by_line(model);
  return model;
}

void sort_by_name(ModelSet& set) {
  std::sort(set.models.begin(), set.models.end(),
            [](const CountedModel& a, const CountedModel& b) { return a.specification < b.specification; });
}

base::Result<ModelSet> from_directory(const std::string& path) {
  auto directory = conformance::load_models(path);
  if (!directory.problems.empty()) {
    return base::fail(base::Reason::malformed,
                      conformance::text_error(base::Reason::malformed, directory.problems.front()).message);
  }
  ModelSet set;
  for (auto& file : directory.files) set.models.push_back(model_of(std::move(file.model)));
  set.answer.ok = true;
  sort_by_name(set);
  return set;
}

base::Result<ModelSet> from_file(const std::string& path) {
  auto file = conformance::load_model(path);
  if (!file.ok()) return base::fail(base::Reason::malformed, file.error().message);
  ModelSet set;
  set.models.push_back(model_of(std::move(file->model)));
  set.answer.ok = true;
  return set;
}

}  // namespace

const CountedModel* ModelSet::find(const std::string& specification) const {
  const auto found = std::find_if(models.begin(), models.end(),
                                  [&](const CountedModel& model) { return model.specification == specification; });
  return found == models.end() ? nullptr : &*found;
}

ModelSet model_set_of(client::Answer answer) {
  ModelSet set;
  if (answer.ok && answer.body.array() != nullptr) {
    for (const Value& model : *answer.body.array()) set.models.push_back(model_of(model));
  }
  set.answer = std::move(answer);
  sort_by_name(set);
  return set;
}

base::Result<ModelSet> load_model_set(const Invocation& invocation, const std::string& place) {
  std::error_code error;
  if (std::filesystem::is_directory(place, error)) return from_directory(place);
  if (std::filesystem::exists(place, error)) return from_file(place);
  const bool is_endpoint = place.find("://") != std::string::npos;
  Invocation asked = invocation;
  if (is_endpoint) asked.endpoint = place;
  ModelSet set = model_set_of(ask(asked, client::plain(protocol::Operation::all_impl_models)));
  if (is_endpoint || !set.answer.ok) return set;
  std::erase_if(set.models, [&](const CountedModel& model) { return model.specification != place; });
  if (set.models.empty()) {
    return base::fail(base::Reason::invalid_argument,
                      place + " is no file, no directory, no endpoint, and the cluster has no model of that name");
  }
  return set;
}

std::string sightings_text(const CountedTransition& transition) {
  if (transition.count == 0) return "";
  return "×" + with_separators(transition.count) + ", " + base::format_timestamp(transition.first_at) + " to " +
         base::format_timestamp(transition.last_at);
}

}  // namespace spex::ctl
