// What the verbs that speak to the supervisor share: sending the command and
// showing the answer {"ok":…}.
#pragma once

#include <string>

#include "ctl/verb.h"

namespace spex::ctl {

// Sends `command`; prints `done` (or the JSON), or why it was refused.
base::Result<int> command_supervisor(const Invocation& invocation, const std::string& command, const std::string& done,
                                     base::Duration timeout);

}  // namespace spex::ctl
