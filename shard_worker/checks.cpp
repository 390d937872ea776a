#include "shard_worker/checks.h"

#include <algorithm>

#include "base/assert.h"

namespace spex::shard_worker {

using conformance::Verdict;

std::size_t CheckKeyHash::operator()(const CheckKey& key) const noexcept {
  std::size_t hash = conformance::ModelTransitionHash{}(key.transition);
  for (const std::uint64_t part : {key.specification_version, key.model_generation, key.model_version}) {
    hash = (hash ^ part) * 0x9e3779b97f4a7c15ULL;  // 2^64 / golden ratio, as in Fibonacci hashing
  }
  return hash ^ (hash >> 32);
}

Verdict run(const CheckJob& job) {
  if (!job.added) return conformance::check_conformance(*job.model, *job.specification);
  std::vector<conformance::NamedTransition> model = *job.model;
  model.push_back(*job.added);
  return conformance::check_conformance(model, *job.specification);
}

const Verdict* Checks::known(const CheckKey& key) const {
  const auto found = verdicts_.find(key);
  return found == verdicts_.end() ? nullptr : &found->second;
}

std::optional<std::uint64_t> Checks::running(const CheckKey& key) const {
  const auto found = ticket_of_.find(key);
  if (found == ticket_of_.end()) return std::nullopt;
  return found->second;
}

std::optional<std::uint64_t> Checks::start(const std::optional<CheckKey>& key, std::uint64_t client, CheckJob job) {
  if (running_.size() >= queued_max_) return std::nullopt;
  std::uint32_t& of_client = per_client_[client];
  if (of_client >= std::max(queued_max_ / 4, 1u)) return std::nullopt;
  ++of_client;
  const std::uint64_t ticket = ++last_ticket_;
  running_.emplace(ticket, Running{key, client});
  if (key) ticket_of_.emplace(*key, ticket);
  job.ticket = ticket;
  runner_.start(std::move(job));
  return ticket;
}

void Checks::finish(std::uint64_t ticket, Verdict verdict) {
  const auto found = running_.find(ticket);
  SPEX_ASSERT(found != running_.end());
  const Running done = found->second;
  running_.erase(found);
  ++finished_;
  if (const auto client = per_client_.find(done.client); --client->second == 0) per_client_.erase(client);
  if (!done.key) return;
  ticket_of_.erase(*done.key);
  if (verdicts_.insert_or_assign(*done.key, std::move(verdict)).second) oldest_.push_back(*done.key);
  if (oldest_.size() > kVerdictsMax) {
    verdicts_.erase(oldest_.front());
    oldest_.pop_front();
  }
}

}  // namespace spex::shard_worker
