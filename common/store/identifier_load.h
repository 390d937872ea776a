// IdentifierLoad: fills the index of identifiers from the table `instances`, on a second thread
// beside the rest of recovery where there is a second processor. The caller's thread does all that is SQLite's: it
// reads the pages and hands them over in blocks, a bounded number at a time; the other one takes them apart, tests the
// rows and fills the index. Until finish() nothing else may touch that.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "store/byte_index.h"
#include "store/instance_pages.h"
#include "store/segmented_vector.h"

namespace spex::store {

// What is kept of the rows.
class Identifiers {
 public:
  // Of instances 1 to `highest`.
  Identifiers(ByteIndex& directory, std::uint32_t highest);
  // False if it is damaged, or there is no room.
  bool take(const StoredInstance& stored);
  void finish() { loader_.finish(); }
  std::uint64_t rows() const { return rows_; }
  // As its row says; 0: no row.
  std::uint16_t specification(std::uint32_t number) const {
    return number < specifications_.size() ? specifications_[number] : std::uint16_t{0};
  }

 private:
  ByteIndex::Loader loader_;
  SegmentedVector<std::uint16_t> specifications_;  // by instance
  std::uint64_t rows_ = 0;
};

class IdentifierLoad {
 public:
  // Begins with the second thread, if `beside`; without it, or where none can be had, finish() does everything.
  IdentifierLoad(Database& database, Identifiers& to, bool beside);
  ~IdentifierLoad();
  IdentifierLoad(const IdentifierLoad&) = delete;
  IdentifierLoad& operator=(const IdentifierLoad&) = delete;

  // Reads pages for the second thread, as many as it has room for. Called now and then.
  void feed();
  // All the rest, calling `on_progress` now and then. False if anything is unusual, or reading fails: then nothing of
  // what was loaded may be used, and the rows have to be read one by one.
  bool finish(const std::function<void()>& on_progress);

 private:
  struct Queue;  // of blocks of pages

  bool has_room_for(std::size_t blocks);
  bool read_block();
  bool finish_here(const std::function<void()>& on_progress);
  void work();

  Database& database_;
  Identifiers& to_;
  std::optional<InstancePageReader> reader_;  // nothing: it failed, or has read all
  bool ok_ = true;                            // of reading
  std::optional<InstancePages> pages_;        // the second thread's, while there is one
  std::unique_ptr<Queue> queue_;              // nothing: no second thread
  std::thread thread_;
};

}  // namespace spex::store
