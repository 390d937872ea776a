// An explanation's run as exchanges: what each side does until both have done
// the same visible action. overlay.cpp draws them.
#pragma once

#include <vector>

#include "lts/explanation.h"

namespace spex::ctl {

struct Exchange {
  std::vector<lts::RunStep> left;
  std::vector<lts::RunStep> right;
};

// None without an explanation, or if it shows no run.
std::vector<Exchange> exchanges_of(const lts::Explanation* explanation);

}  // namespace spex::ctl
