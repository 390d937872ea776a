// Picture: a run as SVG. Above, the whole run: acknowledged operations per
// second and every fault. Below, a stretch of it: each operation a dot at the
// time it was asked and how long its answer took; unknown ones in a band of
// their own; violations in red; faults as lines. No script, no font needed.
#pragma once

#include <string>

#include "soak/checker.h"
#include "soak/history.h"

namespace spex::soak {

std::string draw(const History& history, const Report& report);

}  // namespace spex::soak
