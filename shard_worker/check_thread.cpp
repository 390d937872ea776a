#include "shard_worker/check_thread.h"

namespace spex::shard_worker {

CheckThread::CheckThread(std::function<void(std::uint64_t, conformance::Verdict)> on_done)
    : on_done_(std::move(on_done)), thread_([this] { work(); }) {}

CheckThread::~CheckThread() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void CheckThread::start(CheckJob job) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  wake_.notify_one();
}

void CheckThread::work() {
  while (true) {
    CheckJob job;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return ending_ || !jobs_.empty(); });
      if (ending_) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    const std::uint64_t ticket = job.ticket;
    on_done_(ticket, run(job));
  }
}

}  // namespace spex::shard_worker
