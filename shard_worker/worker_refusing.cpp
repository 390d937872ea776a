// What Worker does while its store cannot be written: answers anew what a failed commit takes
// back, refuses changes, and finds out by probes when it works again.
#include <unordered_map>

#include "base/log.h"
#include "protocol/replies.h"
#include "shard_worker/loader.h"
#include "shard_worker/restart_event.h"
#include "shard_worker/worker.h"

namespace spex::shard_worker {
namespace {

constexpr auto kProbeInterval = std::chrono::seconds(1);

}  // namespace

// Nothing of the batch happened. Its changes are answered with the error; its
// reads may have seen them, so they are done again on what the file holds.
void Worker::on_failed_commit(const base::Error& error, Now time) {
  base::log_limited(base::LogLevel::error, "commit_failed", {{"reason", base::to_string(error)}});
  ++failed_commits_;
  last_commit_error_ = base::to_string(error);
  refusing_ = error;
  // With its reserve given up the store can write again at once; what it then refuses it refuses itself.
  next_probe_ = time.monotonic + (store_->statistics().low_space ? base::Duration(0) : base::Duration(kProbeInterval));
  recover(time);
  const bool was_open = store_->has_uncommitted();
  std::unordered_map<std::uint64_t, const Incoming*> of_token;
  for (const Incoming& incoming : inbox_) of_token[incoming.token] = &incoming;
  Answers corrected;
  for (const Answers::Entry& entry : answers_.entries()) {
    const auto found = of_token.find(entry.token);
    if (!broken_ && !entry.mutates && found != of_token.end()) {
      shard_.execute(*found->second, time, corrected);
      continue;
    }
    std::string& reply = corrected.begin({entry.peer, entry.token, 0, 0, {}, {}}, entry.id, entry.mutates);
    if (broken_ || entry.mutates) {
      protocol::append_error_reply(reply, entry.id, error);
    } else {
      reply.append(answers_.reply(entry));
    }
    corrected.end();
  }
  if (!was_open && store_->has_uncommitted()) {  // states could not be read back, not even now
    Answers refused;
    for (const Answers::Entry& entry : corrected.entries()) {
      protocol::append_error_reply(refused.begin({entry.peer, entry.token, 0, 0, {}, {}}, entry.id, entry.mutates),
                                   entry.id, error);
      refused.end();
    }
    corrected = std::move(refused);
  }
  shard_.deletions.abort(error, corrected);
  answers_ = std::move(corrected);
}

// If not even the file can be read again, only a new start can help.
void Worker::recover(Now time) {
  if (auto recovered = shard_.recover(time); !recovered) broken_ = base::to_string(recovered.error());
}

void Worker::probe(Now time) {
  next_probe_ = time.monotonic + kProbeInterval;
  auto written = store_->put_setting("probe", std::to_string(time.wall));
  if (written) written = store_->commit();
  if (!written) {
    last_commit_error_ = base::to_string(written.error());
    refusing_ = written.error();
    recover(time);  // the store went back to the file once more
    return;
  }
  base::log(base::LogLevel::info, "writable_again", {{"after", last_commit_error_}});
  refusing_.reset();
  last_commit_error_.clear();
  if (!start_told_) start_told_ = tell_start(*store_, context_.incarnation, time.wall).ok();
  // What could not be stored when it was read, is read again.
  if (auto read = reload_directories(shard_, time); !read) {
    base::log(base::LogLevel::error, "reload_directories", {{"reason", base::to_string(read.error())}});
  }
}

}  // namespace spex::shard_worker
