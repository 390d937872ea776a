#include "store/identifier_load.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <system_error>
#include <utility>

namespace spex::store {
namespace {

constexpr std::size_t kBlocks = 16;
constexpr std::size_t kPagesPerBlock = 16;
constexpr std::size_t kBytes = kBlocks * kPagesPerBlock * kInstancePageBytes;
constexpr std::chrono::milliseconds kProgressEvery{50};

}  // namespace

Identifiers::Identifiers(ByteIndex& directory, std::uint32_t highest) : loader_(directory) {
  specifications_.grow_to(std::size_t{highest} + 1);
}

bool Identifiers::take(const StoredInstance& stored) {
  const InstanceRow& row = stored.row;
  if (row.number < 1 || row.number >= specifications_.size() || row.specification < 1 || row.specification > 0xffff ||
      row.identifier.empty() || !is_head_sound(row, stored.checksum) || !loader_.insert(row.identifier, row.number)) {
    return false;
  }
  specifications_[row.number] = static_cast<std::uint16_t>(row.specification);
  ++rows_;
  return true;
}

// A ring of blocks. Mapped by itself: malloc would take later allocations of that size from its heap once such a
// one was given back, and keep them there.
struct IdentifierLoad::Queue {
  explicit Queue(void* mapped) : pages(static_cast<std::uint8_t*>(mapped)) {}
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;
  ~Queue() { ::munmap(pages, kBytes); }

  std::uint8_t* page(std::uint64_t block, std::size_t i) const {
    return pages + (block % kBlocks * kPagesPerBlock + i) * kInstancePageBytes;
  }

  std::uint8_t* const pages;
  std::mutex mutex;
  std::condition_variable filled_or_ended, taken_or_done;
  std::size_t in_block[kBlocks] = {};  // pages; of a block that was handed over
  std::uint64_t filled = 0;            // blocks so far
  std::uint64_t taken = 0;
  bool ended = false;  // no more will be filled
  bool failed = false;
  bool done = false;  // the second thread is
};

IdentifierLoad::IdentifierLoad(Database& database, Identifiers& to, bool beside) : database_(database), to_(to) {
  auto reader = InstancePageReader::begin(database);
  ok_ = static_cast<bool>(reader);
  if (!ok_) return;
  reader_.emplace(std::move(reader).value());
  pages_.emplace(reader_->usable(), [this](std::span<const StoredInstance> rows) {
    return std::all_of(rows.begin(), rows.end(), [this](const StoredInstance& stored) { return to_.take(stored); });
  });
  if (!beside) return;
  void* const mapped = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return;
  queue_ = std::make_unique<Queue>(mapped);
  try {
    thread_ = std::thread([this] { work(); });
  } catch (const std::system_error&) {
    queue_.reset();  // a limit of threads: not worth failing
  }
}

IdentifierLoad::~IdentifierLoad() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(queue_->mutex);
    queue_->ended = queue_->failed = true;
  }
  queue_->filled_or_ended.notify_one();
  thread_.join();
}

void IdentifierLoad::work() {
  Queue& queue = *queue_;
  bool ok = true;
  std::unique_lock lock(queue.mutex);
  while (true) {
    queue.filled_or_ended.wait(lock, [&] { return queue.taken < queue.filled || queue.ended; });
    if (queue.failed || queue.taken == queue.filled) break;
    const std::uint64_t block = queue.taken;
    lock.unlock();
    try {
      for (std::size_t i = 0; i < queue.in_block[block % kBlocks] && ok; ++i) {
        ok = pages_->take({queue.page(block, i), kInstancePageBytes});
      }
    } catch (const std::exception&) {  // no memory
      ok = false;
    }
    lock.lock();
    ++queue.taken;
    if (!ok) queue.failed = true;
    if (queue.failed || queue.filled - queue.taken == kBlocks / 2) queue.taken_or_done.notify_one();
  }
  queue.done = true;
  queue.taken_or_done.notify_one();
}

// Half the ring at once at least, so that the threads wake each other seldom.
void IdentifierLoad::feed() {
  if (!queue_ || !reader_ || !has_room_for(kBlocks / 2)) return;
  while (reader_ && has_room_for(1)) {
    if (!read_block()) reader_.reset();
  }
  queue_->filled_or_ended.notify_one();
}

bool IdentifierLoad::has_room_for(std::size_t blocks) {
  const std::lock_guard lock(queue_->mutex);
  if (queue_->failed) reader_.reset();
  return !queue_->failed && queue_->filled - queue_->taken + blocks <= kBlocks;
}

// False if there are no more pages.
bool IdentifierLoad::read_block() {
  const std::uint64_t block = queue_->filled;  // written by this thread only
  std::size_t pages = 0;
  bool more = true;
  for (; pages < kPagesPerBlock && more; pages += more ? 1 : 0) {
    const auto found = reader_->next(queue_->page(block, pages));
    ok_ = static_cast<bool>(found);
    more = ok_ && *found;
  }
  if (pages == 0) return false;
  queue_->in_block[block % kBlocks] = pages;
  const std::lock_guard lock(queue_->mutex);
  ++queue_->filled;
  return more;
}

bool IdentifierLoad::finish(const std::function<void()>& on_progress) {
  if (!queue_) return finish_here(on_progress);
  while (reader_) {
    feed();
    on_progress();
    std::unique_lock lock(queue_->mutex);
    queue_->taken_or_done.wait_for(lock, kProgressEvery,
                                   [&] { return queue_->filled - queue_->taken <= kBlocks / 2 || queue_->failed; });
  }
  {
    std::unique_lock lock(queue_->mutex);
    queue_->ended = true;
    queue_->filled_or_ended.notify_one();
    while (!queue_->taken_or_done.wait_for(lock, kProgressEvery, [&] { return queue_->done; })) {
      lock.unlock();
      on_progress();
      lock.lock();
    }
    ok_ = ok_ && !queue_->failed;
  }
  thread_.join();
  queue_.reset();
  ok_ = ok_ && pages_->see_apart(database_);
  to_.finish();
  return ok_;
}

bool IdentifierLoad::finish_here(const std::function<void()>& on_progress) {
  std::array<std::uint8_t, kInstancePageBytes> page;
  for (std::uint64_t pages = 1; ok_; ++pages) {
    const auto found = reader_->next(page.data());
    ok_ = static_cast<bool>(found);
    if (!ok_ || !*found) break;
    ok_ = pages_->take(page);
    if (pages % kPagesPerBlock == 0) on_progress();
  }
  ok_ = ok_ && pages_->see_apart(database_);
  to_.finish();
  return ok_;
}

}  // namespace spex::store
