#include "shard_worker/checks.h"

#include <algorithm>

#include "base/assert.h"
#include "shard_worker/explanation_map.h"

namespace spex::shard_worker {

namespace {

std::size_t bytes_of(const Judgement& judgement) {
  return judgement.reason.size() + judgement.story.size() + judgement.explanation.size();
}

}  // namespace

std::size_t CheckKeyHash::operator()(const CheckKey& key) const noexcept {
  std::size_t hash = conformance::ModelTransitionHash{}(key.transition);
  for (const std::uint64_t part : {key.specification_version, key.model_generation, key.model_version}) {
    hash = (hash ^ part) * 0x9e3779b97f4a7c15ULL;  // 2^64 / golden ratio, as in Fibonacci hashing
  }
  return hash ^ (hash >> 32);
}

KnownJudgement judgement_of(const conformance::Verdict& verdict) {
  auto judgement = std::make_shared<Judgement>();
  judgement->kind = verdict.kind;
  judgement->reason = verdict.reason;
  if (verdict.explained) {
    judgement->story = verdict.explained->story;
    append_explanation(*verdict.explained, judgement->explanation);
  }
  return judgement;
}

KnownJudgement run(const CheckJob& job) {
  if (!job.added) return judgement_of(conformance::check_conformance(*job.model, *job.specification));
  std::vector<conformance::NamedTransition> model = *job.model;
  model.push_back(*job.added);
  return judgement_of(conformance::check_conformance(model, *job.specification));
}

KnownJudgement Checks::known(const CheckKey& key) const {
  const auto found = verdicts_.find(key);
  return found == verdicts_.end() ? nullptr : found->second;
}

std::optional<std::uint64_t> Checks::running(const CheckKey& key) const {
  const auto found = ticket_of_.find(key);
  if (found == ticket_of_.end()) return std::nullopt;
  return found->second;
}

std::optional<std::uint64_t> Checks::start(const std::optional<CheckKey>& key, std::uint64_t client, CheckJob job) {
  if (running_.size() >= queued_max_) return std::nullopt;
  const auto of_client = per_client_.find(client);
  if (of_client != per_client_.end() && of_client->second >= std::max(queued_max_ / 4, 1u)) return std::nullopt;
  ++per_client_[client];
  const std::uint64_t ticket = ++last_ticket_;
  running_.emplace(ticket, Running{key, client});
  if (key) ticket_of_.emplace(*key, ticket);
  job.ticket = ticket;
  job.client = client;
  runner_.start(std::move(job));
  return ticket;
}

void Checks::finish(std::uint64_t ticket, KnownJudgement judgement) {
  const auto found = running_.find(ticket);
  SPEX_ASSERT(found != running_.end());
  const Running done = found->second;
  running_.erase(found);
  ++finished_;
  if (const auto client = per_client_.find(done.client); --client->second == 0) per_client_.erase(client);
  if (!done.key) return;
  ticket_of_.erase(*done.key);
  verdict_bytes_ += bytes_of(*judgement);
  const bool is_new = verdicts_.emplace(*done.key, std::move(judgement)).second;
  SPEX_ASSERT(is_new);
  oldest_.push_back(*done.key);
  while (oldest_.size() > kVerdictsMax || verdict_bytes_ > kVerdictBytesMax) forget_oldest();
}

void Checks::forget_oldest() {
  const auto found = verdicts_.find(oldest_.front());
  verdict_bytes_ -= bytes_of(*found->second);
  verdicts_.erase(found);
  oldest_.pop_front();
}

}  // namespace spex::shard_worker
