// ReplayRun: an event log reported to a cluster, many cases at a time, each in its
// order; what came of it, and whether the cluster has kept it. Used by `replay`.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "clients/cpp/client.h"
#include "ctl/case_log.h"
#include "ctl/deviations.h"
#include "ctl/replay_plan.h"

namespace spex::ctl {

struct ReplayOptions {
  std::string specification;
  std::string case_prefix;
  std::size_t window = 256;
};

// What one case is known to have got, for the verification.
struct ReplayedCase {
  bool initialised = false;
  bool existed = false;                  // before: none of its events were reported
  std::vector<std::uint32_t> events;     // acknowledged, in order
  std::vector<std::uint32_t> uncertain;  // the outcome is unknown
};

struct ReplayTotals {
  std::uint64_t events = 0;    // acknowledged, with deviations
  std::uint64_t existing = 0;  // cases that existed before and were skipped
  std::uint64_t skipped = 0;   // their events, and those of cases that failed
  std::uint64_t failed = 0;    // steps that ended with an error that is no deviation
  std::string first_failure;   // of those, for people
  double seconds = 0;
};

struct Verification {
  std::uint64_t instances = 0;  // read back
  std::uint64_t records = 0;
  std::uint64_t missing = 0;
  std::uint64_t doubled = 0;
  std::uint64_t unreadable = 0;  // cases that could not be read
};

class ReplayRun {
 public:
  ReplayRun(const CaseLog& log, client::Client& cluster, ReplayOptions options);

  // Reports the cases numbered [first, last). `on_progress` is called now and then with the steps done.
  void run(std::uint32_t first, std::uint32_t last, const std::function<void(std::uint64_t)>& on_progress);
  // Reads every replayed case back and compares it with what was acknowledged.
  Verification verify();

  const ReplayTotals& totals() const { return totals_; }
  const Deviations& deviations() const { return deviations_; }
  bool unreachable() const { return unreachable_; }

 private:
  void send(const ReplayStep& step, ReplayPlan& plan);
  void on_answer(const ReplayStep& step, ReplayPlan& plan, const client::Answer& answer);
  protocol::Value identifier(std::uint32_t case_number) const { return options_.case_prefix + log_.cases[case_number]; }
  void compare(std::uint32_t case_number, const protocol::Value& instance, Verification& result) const;

  const CaseLog& log_;
  client::Client& cluster_;
  ReplayOptions options_;
  std::vector<ReplayedCase> cases_;
  std::vector<std::optional<base::Timestamp>> begins_;  // of each case: the time of its first event
  ReplayTotals totals_;
  Deviations deviations_;
  std::uint64_t steps_ = 0;
  bool unreachable_ = false;
};

}  // namespace spex::ctl
