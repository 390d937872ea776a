#include "lts/lts.h"

namespace spex::lts {

std::string Lts::state_name(StateId state) const {
  if (state < state_names_.size()) return std::string(state_names_.text(state));
  return std::to_string(state);
}

}  // namespace spex::lts
