// ErrorPolicy: which errors of an instance its caller gets to see (`report`) and
// which become ok (`accept`). Every error that a policy governs is logged,
// counted and published either way; that is the worker's business.
#pragma once

#include <cstdint>
#include <span>

#include "base/error.h"

namespace spex::conformance {

class ErrorPolicy {
 public:
  // The default: accepts deviation_still_equivalent and impl_model_not_found.
  ErrorPolicy();

  // The reasons that can be written in a specification, in numeric order.
  static std::span<const base::Reason> governed();
  static bool governs(base::Reason reason);

  // False (report) for every reason that no policy governs.
  bool accepts(base::Reason reason) const;
  // `reason` must be a governed one.
  void set(base::Reason reason, bool accept);

  bool operator==(const ErrorPolicy&) const = default;

 private:
  std::uint32_t accepted_ = 0;  // bit i: governed()[i]
};

}  // namespace spex::conformance
