#include "ctl/deviations.h"

#include <algorithm>

#include "ctl/documents.h"

namespace spex::ctl {

void Deviations::add(const client::Answer& answer, const std::string& case_id) {
  const auto take = [&](const protocol::ErrorBody& error) {
    const auto reason = error.known();
    if (reason != base::Reason::deviation_not_equivalent && reason != base::Reason::deviation_still_equivalent) return;
    const auto& parts = member_array(error.context, "deviating_transition");
    if (parts.size() < 3) return;
    const std::string from = text_or(parts[0], "");
    const std::string action = text_or(parts[1], "");
    const std::string to = text_or(parts[2], "");
    DeviationGroup& group = groups_[{from, action, to, *reason}];
    if (group.count == 0) {
      group = {from, action, to, *reason, 0, case_id, story_in(error.context)};
    }
    ++group.count;
    ++total_;
  };
  bool has_final = false;
  for (const auto& error : answer.reported) {
    take(error);
    has_final = has_final || (answer.error && error == *answer.error);
  }
  if (answer.error && !has_final) take(*answer.error);
}

std::vector<DeviationGroup> Deviations::groups() const {
  std::vector<DeviationGroup> list;
  for (const auto& [key, group] : groups_) list.push_back(group);
  std::stable_sort(list.begin(), list.end(),
                   [](const DeviationGroup& a, const DeviationGroup& b) { return a.count > b.count; });
  return list;
}

}  // namespace spex::ctl
