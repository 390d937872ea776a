// Deviations: grouped by transition and kind, with counts and an example case. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "clients/cpp/client.h"

namespace spex::ctl {

struct DeviationGroup {
  std::string from;  // empty: none
  std::string action;
  std::string to;
  base::Reason reason = base::Reason::deviation_not_equivalent;
  std::uint64_t count = 0;
  std::string example;      // the first case that did it
  std::string explanation;  // why it is not equivalent, if told
};

class Deviations {
 public:
  // Takes the deviations out of what was reported during one step.
  void add(const client::Answer& answer, const std::string& case_id);
  std::uint64_t total() const { return total_; }
  // Most frequent first, then by transition.
  std::vector<DeviationGroup> groups() const;

 private:
  std::map<std::tuple<std::string, std::string, std::string, base::Reason>, DeviationGroup> groups_;
  std::uint64_t total_ = 0;
};

}  // namespace spex::ctl
