// ChangeDecision: the one place where it is settled whether a change that all
// shards make together is made or given up. The first proposal becomes the
// decision, whichever shard makes it, and stays it through the death of any
// process: a file in `<data_dir>/model_changes` that is written whole, synced and
// then linked to its name, which only one can be. Knows nothing of models.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace spex::shard_worker {

class ChangeDecision {
 public:
  // `subject` is what is changed, `number` names this one change of it.
  ChangeDecision(const std::string& data_dir, std::string_view subject, std::uint64_t number);

  // Nothing if it is not settled yet.
  base::Result<std::optional<std::string>> read() const;
  // What is settled: `proposal`, or what another shard proposed before.
  base::Result<std::string> settle(std::string_view proposal) const;
  // Removes what was settled of earlier changes of the subject. Only once no shard needs it any more.
  void forget_earlier() const;
  // Removes the proposals of processes that were killed before they removed them. Not between two steps of settle().
  static void sweep(const std::string& data_dir);

 private:
  std::string directory_;
  std::string prefix_;  // of the names of all decisions about the subject
  std::string name_;
};

}  // namespace spex::shard_worker
