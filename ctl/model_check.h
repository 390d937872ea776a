// ModelCheck: implementation models held against their specifications, offline;
// and the result as text, JSON and JUnit XML. Used by `check` and `learn`.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "conformance/explained.h"
#include "conformance/model_directory.h"
#include "protocol/value.h"

namespace spex::ctl {

enum class CheckOutcome : std::uint8_t { equivalent, not_equivalent, no_specification };

struct CheckedModel {
  std::string specification;
  std::string path;
  std::size_t transitions = 0;
  CheckOutcome outcome = CheckOutcome::equivalent;
  std::string reason;                                       // a sentence, unless equivalent
  std::shared_ptr<const conformance::Explained> explained;  // why not; null unless not equivalent
  double seconds = 0;
};

struct CheckReport {
  std::vector<CheckedModel> models;
  std::vector<conformance::TextProblem> problems;  // files that could not be read

  bool all_equivalent() const;
  // 1 if a model is not equivalent, else 2 if a file could not be read, else 0.
  int exit_status() const;
};

CheckReport check_models(const conformance::Directory<conformance::ModelFile>& models,
                         const conformance::Directory<conformance::SpecificationFile>& specifications);

std::string report_text(const CheckReport& report);
protocol::Value report_document(const CheckReport& report);
std::string report_junit(const CheckReport& report);

}  // namespace spex::ctl
