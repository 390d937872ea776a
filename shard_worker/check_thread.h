// CheckThread: the one helper thread of a shard worker. Runs bisimilarity
// checks one after the other so that they never hold up requests, heartbeat or
// commit; clients take turns, and the thread yields the processor to the loop.
// It touches nothing but the job it was given (immutable data); its queues are
// bounded by Checks. Ending it waits for the check that runs.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "shard_worker/checks.h"

namespace spex::shard_worker {

class CheckThread final : public CheckRunner {
 public:
  // `on_done` is called on the helper thread and hands the judgement to the loop.
  using OnDone = std::function<void(std::uint64_t ticket, KnownJudgement judgement)>;
  explicit CheckThread(OnDone on_done);
  ~CheckThread() override;
  CheckThread(const CheckThread&) = delete;
  CheckThread& operator=(const CheckThread&) = delete;

  void start(CheckJob job) override;

 private:
  void work();

  // Of the client whose turn it is; the mutex is held.
  CheckJob take();

  OnDone on_done_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::unordered_map<std::uint64_t, std::deque<CheckJob>> jobs_;  // by client, none empty
  std::deque<std::uint64_t> turns_;                               // clients in jobs_
  bool ending_ = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace spex::shard_worker
