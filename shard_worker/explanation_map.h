// The wire form of an explanation (docs/protocol.md): one map, the same in the
// error of a deviation and in the answer of check_impl_model.
#pragma once

#include <string>

#include "conformance/explained.h"

namespace spex::shard_worker {

// What is empty or unknown is left out; `story` and `kind` are always there.
void append_explanation(const conformance::Explained& explained, std::string& out);

}  // namespace spex::shard_worker
