// ByteIndex: byte strings of 1 B to 64 KiB → 32-bit numbers, in memory, compact:
// identifiers of instances, names. The bytes lie in an arena (length, number,
// bytes), the hash slots (a tag and a reference) in pages of an extendible hash
// table (Fagin et al., "Extendible hashing", 1979): growing splits one page of
// 2,048 slots, so no insertion waits for a whole table to be rehashed.
// About 11 to 13 bytes besides the string itself. Removed strings' places are reused.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "store/prefetch.h"

namespace spex::store {

class ByteIndex {
 public:
  // Where a string lies; valid until it is removed.
  using Reference = std::uint32_t;

  // `expected`: so many entries are added without splitting a page.
  explicit ByteIndex(std::uint64_t seed, std::size_t expected = 0);
  ByteIndex(ByteIndex&&) = default;
  ByteIndex& operator=(ByteIndex&&) = default;

  std::optional<std::uint32_t> find(std::string_view bytes) const;
  // `bytes` must not be there yet. Nothing if the arena (4 GiB) is full.
  std::optional<Reference> insert(std::string_view bytes, std::uint32_t number);
  class Loader;
  void erase(std::string_view bytes);  // does nothing if it is not there
  std::string_view bytes(Reference reference) const;
  std::size_t size() const { return size_; }

 private:
  std::uint64_t hash(std::string_view bytes) const;
  std::uint32_t number_at(Reference reference) const;
  // Slots of a page: it grows by a step when 85 % are used, and is split when it has had the last. So
  // between two thirds and 85 % are used, at any number of entries.
  static constexpr std::array<std::uint32_t, 4> kSlotSteps = {1280, 1536, 1792, 2048};
  static constexpr std::uint32_t used_max(std::uint32_t slots) { return slots * 85 / 100; }
  static constexpr unsigned kSegmentBits = 20;  // an arena segment: 1 MiB
  static constexpr std::uint8_t kEmpty = 0, kRemoved = 1;
  struct Page {
    explicit Page(std::uint32_t size)
        : tags(std::make_unique<std::uint8_t[]>(size)),
          references(std::make_unique_for_overwrite<Reference[]>(size)),
          slots(size) {}
    std::unique_ptr<std::uint8_t[]> tags;
    std::unique_ptr<Reference[]> references;
    std::uint32_t slots;
    std::uint32_t used = 0;     // slots that are not empty
    std::uint32_t removed = 0;  // of these, removed ones
    unsigned depth = 0;         // leading bits of the hash that all its entries share
  };
  static std::uint8_t tag_of(std::uint64_t hash) {
    return static_cast<std::uint8_t>((hash & 0xff) < 2 ? (hash & 0xff) + 2 : hash & 0xff);
  }
  static std::size_t home_of(const Page& page, std::uint64_t hash) {
    return (hash >> 8 & 0xffffffff) * page.slots >> 32;
  }
  static std::size_t next_slot(const Page& page, std::size_t i) { return i + 1 == page.slots ? 0 : i + 1; }
  Page& page_of(std::uint64_t hash) const { return *pages_[directory_[depth_ ? hash >> (64 - depth_) : 0]]; }
  static void place(Page& page, std::uint64_t hash, Reference reference);
  std::optional<std::size_t> slot_of(const Page& page, std::string_view bytes, std::uint64_t hash) const;
  void make_room(std::uint64_t hash);
  void grow(std::uint64_t hash);
  void split(std::uint64_t hash, Page& page);
  std::uint8_t* at(Reference reference) const {
    return segments_[reference >> kSegmentBits].get() + (reference & ((1U << kSegmentBits) - 1));
  }
  std::optional<Reference> allocate(std::size_t size);
  std::optional<Reference> store(std::string_view bytes, std::uint32_t number);
  void refer_to(Reference reference, std::uint64_t hash);
  void prefetch_page(std::uint64_t hash) const { store::prefetch(&page_of(hash)); }
  void prefetch_slot(std::uint64_t hash) const;

  std::uint64_t seed_;
  unsigned depth_ = 0;
  std::vector<std::uint32_t> directory_;  // leading `depth_` bits of the hash → page
  std::vector<std::unique_ptr<Page>> pages_;
  std::size_t size_ = 0;
  std::vector<std::unique_ptr<std::uint8_t[]>> segments_;
  std::uint64_t free_from_ = 0;          // next byte never used
  std::vector<Reference> free_by_size_;  // first free place + 1
};

// Inserts many: each gets its slot some insertions later, when the processor has fetched what that
// touches. Nothing else may use the index before finish().
class ByteIndex::Loader {
 public:
  explicit Loader(ByteIndex& index) : index_(index) {}
  // As ByteIndex::insert(); false if the arena is full.
  bool insert(std::string_view bytes, std::uint32_t number);
  void finish();

 private:
  static constexpr std::size_t kAhead = 32;  // half of it for the page, half for the slot in it
  struct Waiting {
    std::uint64_t hash = 0;
    Reference reference = 0;
  };
  ByteIndex& index_;
  std::array<Waiting, kAhead> waiting_;
  std::size_t inserted_ = 0;
};

}  // namespace spex::store
