#include "shard_worker/bulk_deletions.h"

#include "protocol/msgpack_writer.h"
#include "protocol/replies.h"
#include "shard_worker/instance_subject.h"
#include "shard_worker/shard.h"

namespace spex::shard_worker {
namespace {

using base::Result;

bool same(const store::RequestKey& a, const store::RequestKey& b) {
  return a.client == b.client && a.number == b.number && a.fingerprint == b.fingerprint;
}

std::string id_of(const StoredRequest& asker) {
  protocol::RequestHeader header;
  if (!protocol::read_request(asker.request, asker.head.client != 0, header)) return "\xc0";
  return std::string(header.id);
}

}  // namespace

bool BulkDeletions::add(BulkDeletion job) {
  if (jobs_.size() >= kJobsMax) return false;
  jobs_.push_back(std::move(job));
  return true;
}

bool BulkDeletions::join(const store::RequestKey& key, const Incoming& incoming) {
  for (BulkDeletion& job : jobs_) {
    if (!job.key || !same(*job.key, key)) continue;
    job.askers.emplace_back(incoming);
    return true;
  }
  return false;
}

Result<bool> BulkDeletions::delete_some(Shard& shard, BulkDeletion& job, Now now, std::size_t deletions_max) {
  std::vector<store::InstanceNumber> matching;
  std::size_t visits = 0;
  bool done = true;
  shard.store.scan(job.next, [&](const store::Instance& instance) {
    done = visits < kVisitsPerDeletion * deletions_max && matching.size() < deletions_max;
    if (!done) {
      job.next = instance.number;
      return false;
    }
    ++visits;
    if (job.filter.matches(InstanceSubject(shard.store, instance, job.started.wall))) {
      matching.push_back(instance.number);
    }
    return true;
  });
  for (const store::InstanceNumber number : matching) SPEX_TRY(shard.store.remove(number, nullptr, nullptr));
  job.deleted += matching.size();
  if (job.key && (done || !matching.empty())) {
    SPEX_TRY(shard.store.save_bulk_job({*job.key, job.deleted, done}, now.wall));
  }
  return done;
}

void BulkDeletions::run_slice(Shard& shard, Now now, Answers& answers, std::size_t deletions_max) {
  if (jobs_.empty()) return;
  BulkDeletion job = std::move(jobs_.front());
  jobs_.pop_front();
  const auto done = delete_some(shard, job, now, deletions_max);
  if (done && !*done) {
    jobs_.push_back(std::move(job));  // the others get their slice first
    return;
  }
  for (const StoredRequest& asker : job.askers) {
    const std::string id = id_of(asker);
    std::string& out = answers.begin(asker.head, id, true);
    if (done) {
      std::string body;
      protocol::MsgpackWriter(body).uint(job.deleted);
      protocol::append_reply(out, {id, true, body, {}, {}});
    } else {
      protocol::append_error_reply(out, id, done.error());
    }
    answers.end();
  }
}

void BulkDeletions::abort(const base::Error& error, Answers& answers) {
  for (const BulkDeletion& job : jobs_) {
    for (const StoredRequest& asker : job.askers) {
      const std::string id = id_of(asker);
      protocol::append_error_reply(answers.begin(asker.head, id, true), id, error);
      answers.end();
    }
  }
  jobs_.clear();
}

}  // namespace spex::shard_worker
