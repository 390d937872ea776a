#include "shard_worker/check_thread.h"

#include <sys/resource.h>
#include <unistd.h>

#include <utility>

namespace spex::shard_worker {

CheckThread::CheckThread(OnDone on_done) : on_done_(std::move(on_done)), thread_([this] { work(); }) {}

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
    const std::uint64_t client = job.client;
    std::deque<CheckJob>& of_client = jobs_[client];
    if (of_client.empty()) turns_.push_back(client);
    of_client.push_back(std::move(job));
  }
  wake_.notify_one();
}

CheckJob CheckThread::take() {
  const std::uint64_t client = turns_.front();
  turns_.pop_front();
  const auto of_client = jobs_.find(client);
  CheckJob job = std::move(of_client->second.front());
  of_client->second.pop_front();
  if (of_client->second.empty()) {
    jobs_.erase(of_client);
  } else {
    turns_.push_back(client);
  }
  return job;
}

void CheckThread::work() {
  // Requests, heartbeat and commit come first where processors are short. On Linux this is the thread's alone.
  constexpr int kNiceness = 10;
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNiceness);
  while (true) {
    CheckJob job;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return ending_ || !jobs_.empty(); });
      if (ending_) return;
      job = take();
    }
    const std::uint64_t ticket = job.ticket;
    on_done_(ticket, run(job));
  }
}

}  // namespace spex::shard_worker
