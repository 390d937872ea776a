#include <algorithm>
#include <map>
#include <tuple>

#include "clients/cpp/paging.h"
#include "conformance/names.h"
#include "ctl/documents.h"
#include "ctl/replay_run.h"

namespace spex::ctl {
namespace {

using protocol::Value;

// Action, state, time of occurrence: what tells one record of a log from another.
using RecordKey = std::tuple<std::string, std::string, std::int64_t>;

RecordKey key_of(const Value& record) {
  const auto* parts = record.array();
  if (parts == nullptr || parts->size() < 3) return {};
  const std::int64_t* occurred_at = parts->size() > 3 ? (*parts)[3].integer() : nullptr;
  return {text_or((*parts)[0], ""), text_or((*parts)[1], ""), occurred_at == nullptr ? -1 : *occurred_at};
}

}  // namespace

void ReplayRun::compare(std::uint32_t case_number, const Value& instance, Verification& result) const {
  const ReplayedCase& one = cases_[case_number];
  std::map<RecordKey, std::int64_t> balance;  // acknowledged less stored
  ++balance[{std::string(conformance::kInitialisationAction), std::string(kStartState),
             begins_[case_number].value_or(-1)}];
  const auto key_of_event = [&](std::uint32_t index) {
    const LogEvent& event = log_.events[index];
    return RecordKey{log_.activity(event), log_.state(event), event.occurred_at.value_or(-1)};
  };
  for (const std::uint32_t index : one.events) ++balance[key_of_event(index)];
  std::map<RecordKey, std::int64_t> allowed;  // those whose outcome is unknown may be there
  for (const std::uint32_t index : one.uncertain) ++allowed[key_of_event(index)];
  for (const Value& record : member_array(instance, "transitions")) {
    ++result.records;
    --balance[key_of(record)];
  }
  for (const auto& [key, left] : balance) {
    if (left > 0) result.missing += static_cast<std::uint64_t>(left);
    const auto unknown = allowed.find(key);
    const std::int64_t extra = -left - (unknown == allowed.end() ? 0 : unknown->second);
    if (extra > 0) result.doubled += static_cast<std::uint64_t>(extra);
  }
}

Verification ReplayRun::verify() {
  Verification result;
  for (std::uint32_t number = 0; number < cases_.size() && !unreachable_; ++number) {
    if (!cases_[number].initialised) continue;
    while (cluster_.outstanding() >= options_.window) cluster_.poll(std::chrono::milliseconds(100));
    auto paged = client::whole_history(identifier(number), 0, [this, number, &result](client::Answer& answer) {
      if (answer.ok) {
        ++result.instances;
        compare(number, answer.body, result);
      } else if (answer.is(base::Reason::instance_identifier_not_found)) {
        result.missing += 1 + cases_[number].events.size();
      } else {
        ++result.unreadable;
        unreachable_ = unreachable_ || answer.origin == client::Origin::unreachable;
      }
    });
    cluster_.submit_paged(std::move(paged.first), std::move(paged.on_page));
  }
  cluster_.wait_all();
  return result;
}

}  // namespace spex::ctl
