// What the verbs that work on files share: where the data are, what a refusal is
// worth as exit status, how findings are shown.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "ctl/verb.h"
#include "dataops/verify.h"
#include "protocol/value.h"

namespace spex::ctl {

config::Option data_dir_option();
// --data-dir, else SPEX_DATA_DIR, else ./spex_data; absolute.
std::string data_dir_of(const Invocation& invocation);
// A number of shards from 1 to 4096; nothing if the option is not given.
base::Result<std::optional<std::uint32_t>> distribution_factor_option(const Invocation& invocation);
// "10M" is 10,485,760 bytes a second; nothing given: no bound.
base::Result<std::uint64_t> rate_option(const Invocation& invocation);

// Prints why a data operation did not happen; 1 if the data are not sound, 2 for a wrong argument, else 7.
int refuse(const Invocation& invocation, const base::Error& error);
// For --json nothing, else a line on standard error.
std::function<void(const std::string&)> progress_printer(const Invocation& invocation);

protocol::Value verify_document(const dataops::VerifyReport& report);
std::string verify_text(const dataops::VerifyReport& report);

}  // namespace spex::ctl
