// Checks: "is M + t still equivalent, and if not, why?", asked once per model
// version and transition and answered from a bounded cache from then on. A
// question that is new runs elsewhere (CheckRunner: a helper thread, or a test);
// what waits for it waits here by ticket. What one client can make a shard
// compute is bounded: `queued_max` checks per shard, a quarter of that per client.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
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

// A verdict as it is remembered and told.
struct Judgement {
  conformance::VerdictKind kind = conformance::VerdictKind::equivalent;
  std::string reason;       // a sentence; empty if equivalent
  std::string story;        // the explanation in words; empty if equivalent
  std::string explanation;  // encoded map; empty if equivalent

  bool equivalent() const { return kind == conformance::VerdictKind::equivalent; }
};
using KnownJudgement = std::shared_ptr<const Judgement>;
KnownJudgement judgement_of(const conformance::Verdict& verdict);

// One question with all that it takes to answer it on another thread.
struct CheckJob {
  std::uint64_t ticket = 0;
  std::uint64_t client = 0;  // who asks, 0: nobody in particular
  std::shared_ptr<const conformance::Specification> specification;
  std::shared_ptr<const std::vector<conformance::NamedTransition>> model;
  std::optional<conformance::NamedTransition> added;  // the deviation, or nothing
};
KnownJudgement run(const CheckJob& job);

class CheckRunner {
 public:
  virtual ~CheckRunner() = default;
  // Takes the job now and reports its judgement later; those of one client in the order taken.
  virtual void start(CheckJob job) = 0;
};

class Checks {
 public:
  static constexpr std::size_t kVerdictsMax = 4096;
  static constexpr std::size_t kVerdictBytesMax = 16u << 20;

  Checks(CheckRunner& runner, std::uint32_t queued_max) : runner_(runner), queued_max_(queued_max) {}

  // Null if not known (or no longer).
  KnownJudgement known(const CheckKey& key) const;

  // The ticket of the running check of this key, if there is one.
  std::optional<std::uint64_t> running(const CheckKey& key) const;
  // Starts one; `job.ticket` is set here. Nothing if the shard or the client has too many.
  std::optional<std::uint64_t> start(const std::optional<CheckKey>& key, std::uint64_t client, CheckJob job);
  // A judgement arrived: remembers it under its key.
  void finish(std::uint64_t ticket, KnownJudgement judgement);

  std::size_t queued() const { return running_.size(); }
  std::size_t remembered() const { return verdicts_.size(); }
  std::uint64_t finished() const { return finished_; }

 private:
  void forget_oldest();

  struct Running {
    std::optional<CheckKey> key;
    std::uint64_t client = 0;
  };

  CheckRunner& runner_;
  std::uint32_t queued_max_;
  std::unordered_map<std::uint64_t, Running> running_;  // by ticket
  std::unordered_map<CheckKey, std::uint64_t, CheckKeyHash> ticket_of_;
  std::unordered_map<std::uint64_t, std::uint32_t> per_client_;
  std::unordered_map<CheckKey, KnownJudgement, CheckKeyHash> verdicts_;
  std::deque<CheckKey> oldest_;    // keys of verdicts_ in order of arrival
  std::size_t verdict_bytes_ = 0;  // of the texts in verdicts_
  std::uint64_t last_ticket_ = 0;
  std::uint64_t finished_ = 0;
};

}  // namespace spex::shard_worker
