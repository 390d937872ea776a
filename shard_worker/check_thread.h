// CheckThread: the one helper thread of a shard worker. Runs bisimilarity
// checks one after the other so that they never hold up requests, heartbeat or
// commit. It touches nothing but the job it was given (immutable data); its
// queue is bounded by Checks. Ending it waits for the check that runs.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "shard_worker/checks.h"

namespace spex::shard_worker {

class CheckThread final : public CheckRunner {
 public:
  // `on_done` is called on the helper thread and hands the verdict to the loop.
  explicit CheckThread(std::function<void(std::uint64_t ticket, conformance::Verdict verdict)> on_done);
  ~CheckThread() override;
  CheckThread(const CheckThread&) = delete;
  CheckThread& operator=(const CheckThread&) = delete;

  void start(CheckJob job) override;

 private:
  void work();

  std::function<void(std::uint64_t, conformance::Verdict)> on_done_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<CheckJob> jobs_;
  bool ending_ = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace spex::shard_worker
