// One message of each kind, as the library writes it: the subjects of the golden
// files in tests/data/protocol and of the examples in docs/protocol.md.
#pragma once

#include <string>
#include <vector>

namespace spex::protocol {

struct Sample {
  std::string name;  // "request transition", "reply get_instance", "notice", "credit", …
  std::string message;
};

// A request and a reply of each operation, and what else a server sends. The
// reply of shard_map (4,096 numbers) is left out.
std::vector<Sample> samples();

}  // namespace spex::protocol
