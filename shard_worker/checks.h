// Checks: "is M + t still equivalent?", asked once per model version and
// transition and answered from a bounded cache from then on. A question that is
// new runs elsewhere (CheckRunner: a helper thread, or a test); what waits for
// it waits here by ticket. What one client can make a shard compute is bounded:
// `queued_max` checks per shard, a quarter of that per client.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "conformance/conformance_check.h"
#include "conformance/implementation_model.h"

namespace spex::shard_worker {

struct CheckKey {
  std::uint64_t specification_version = 0;
  std::uint64_t model_generation = 0;
  std::uint64_t model_version = 0;
  conformance::ModelTransition transition;
  bool operator==(const CheckKey&) const = default;
};
struct CheckKeyHash {
  std::size_t operator()(const CheckKey& key) const noexcept;
};

// One question with all that it takes to answer it on another thread.
struct CheckJob {
  std::uint64_t ticket = 0;
  std::shared_ptr<const conformance::Specification> specification;
  std::shared_ptr<const std::vector<conformance::NamedTransition>> model;
  std::optional<conformance::NamedTransition> added;  // the deviation, or nothing
};
conformance::Verdict run(const CheckJob& job);

class CheckRunner {
 public:
  virtual ~CheckRunner() = default;
  // Takes the job now and reports its verdict later, in the order taken.
  virtual void start(CheckJob job) = 0;
};

class Checks {
 public:
  static constexpr std::size_t kVerdictsMax = 4096;

  Checks(CheckRunner& runner, std::uint32_t queued_max) : runner_(runner), queued_max_(queued_max) {}

  // Null if not known (or no longer).
  const conformance::Verdict* known(const CheckKey& key) const;

  // The ticket of the running check of this key, if there is one.
  std::optional<std::uint64_t> running(const CheckKey& key) const;
  // Starts one; `job.ticket` is set here. Nothing if the shard or the client has too many.
  std::optional<std::uint64_t> start(const std::optional<CheckKey>& key, std::uint64_t client, CheckJob job);
  // A verdict arrived: remembers it under its key.
  void finish(std::uint64_t ticket, conformance::Verdict verdict);

  std::size_t queued() const { return running_.size(); }
  std::uint64_t finished() const { return finished_; }

 private:
  struct Running {
    std::optional<CheckKey> key;
    std::uint64_t client = 0;
  };

  CheckRunner& runner_;
  std::uint32_t queued_max_;
  std::unordered_map<std::uint64_t, Running> running_;  // by ticket
  std::unordered_map<CheckKey, std::uint64_t, CheckKeyHash> ticket_of_;
  std::unordered_map<std::uint64_t, std::uint32_t> per_client_;
  std::unordered_map<CheckKey, conformance::Verdict, CheckKeyHash> verdicts_;
  std::deque<CheckKey> oldest_;  // keys of verdicts_ in order of arrival
  std::uint64_t last_ticket_ = 0;
  std::uint64_t finished_ = 0;
};

}  // namespace spex::shard_worker
