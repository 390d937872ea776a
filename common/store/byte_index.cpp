#include "store/byte_index.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "base/assert.h"
#include "base/hash.h"
#include "store/varint.h"

namespace spex::store {
namespace {

// An arena entry: number 4, length 1–3, bytes.
constexpr std::size_t kNumberBytes = 4;

std::size_t length_bytes(std::size_t length) { return length < 128 ? 1 : length < 16384 ? 2 : 3; }

}  // namespace

ByteIndex::ByteIndex(std::uint64_t seed, std::size_t expected) : seed_(seed) {
  // Entries spread over the pages with little deviation; that leaves room for it.
  constexpr auto kExpectedMax = [](std::uint32_t slots) { return std::size_t{slots} * 78 / 100; };
  while (expected >> depth_ > kExpectedMax(kSlotSteps.back())) ++depth_;
  const auto* const slots = std::find_if(kSlotSteps.begin(), kSlotSteps.end() - 1,
                                         [&](std::uint32_t step) { return expected >> depth_ <= kExpectedMax(step); });
  directory_.resize(std::size_t{1} << depth_);
  for (std::size_t i = 0; i < directory_.size(); ++i) {
    directory_[i] = static_cast<std::uint32_t>(i);
    pages_.push_back(std::make_unique<Page>(*slots));
    pages_.back()->depth = depth_;
  }
}

std::uint64_t ByteIndex::hash(std::string_view bytes) const { return base::hash64(bytes, seed_); }

std::string_view ByteIndex::bytes(Reference reference) const {
  const std::uint8_t* p = at(reference) + kNumberBytes;
  std::size_t length = *p & 127U;
  for (unsigned shift = 7; *p++ >= 128; shift += 7) length |= std::size_t{*p & 127U} << shift;
  return {reinterpret_cast<const char*>(p), length};
}

std::uint32_t ByteIndex::number_at(Reference reference) const { return get_word<std::uint32_t>(at(reference)); }

std::optional<std::size_t> ByteIndex::slot_of(const Page& page, std::string_view wanted, std::uint64_t hash) const {
  const std::uint8_t tag = tag_of(hash);
  for (std::size_t i = home_of(page, hash); page.tags[i] != kEmpty; i = next_slot(page, i)) {
    if (page.tags[i] == tag && bytes(page.references[i]) == wanted) return i;
  }
  return std::nullopt;
}

std::optional<std::uint32_t> ByteIndex::find(std::string_view wanted) const {
  const std::uint64_t hashed = hash(wanted);
  const Page& page = page_of(hashed);
  const auto slot = slot_of(page, wanted, hashed);
  if (!slot) return std::nullopt;
  return number_at(page.references[*slot]);
}

void ByteIndex::place(Page& page, std::uint64_t hashed, Reference reference) {
  std::size_t i = home_of(page, hashed);
  while (page.tags[i] > kRemoved) i = next_slot(page, i);
  if (page.tags[i] == kRemoved) {
    --page.removed;
  } else {
    ++page.used;
  }
  page.tags[i] = tag_of(hashed);
  page.references[i] = reference;
}

std::optional<ByteIndex::Reference> ByteIndex::store(std::string_view added, std::uint32_t number) {
  const auto reference = allocate(kNumberBytes + length_bytes(added.size()) + added.size());
  if (!reference) return std::nullopt;
  std::uint8_t* p = put_word(at(*reference), number);
  p = put_varint(p, added.size());
  std::memcpy(p, added.data(), added.size());
  return reference;
}

void ByteIndex::refer_to(Reference reference, std::uint64_t hashed) {
  make_room(hashed);
  place(page_of(hashed), hashed, reference);
  ++size_;
}

std::optional<ByteIndex::Reference> ByteIndex::insert(std::string_view added, std::uint32_t number) {
  const auto reference = store(added, number);
  if (reference) refer_to(*reference, hash(added));
  return reference;
}

bool ByteIndex::Loader::insert(std::string_view bytes, std::uint32_t number) {
  const auto reference = index_.store(bytes, number);
  if (!reference) return false;
  Waiting& waiting = waiting_[inserted_ % kAhead];
  if (inserted_ >= kAhead) index_.refer_to(waiting.reference, waiting.hash);
  waiting = {index_.hash(bytes), *reference};
  index_.prefetch_page(waiting.hash);
  if (inserted_ >= kAhead / 2) index_.prefetch_slot(waiting_[(inserted_ - kAhead / 2) % kAhead].hash);
  ++inserted_;
  return true;
}

void ByteIndex::Loader::finish() {
  for (std::size_t i = inserted_ - std::min(inserted_, kAhead); i < inserted_; ++i) {
    index_.refer_to(waiting_[i % kAhead].reference, waiting_[i % kAhead].hash);
  }
  inserted_ = 0;
}

void ByteIndex::erase(std::string_view erased) {
  const std::uint64_t hashed = hash(erased);
  Page& page = page_of(hashed);
  const auto slot = slot_of(page, erased, hashed);
  if (!slot) return;
  const Reference reference = page.references[*slot];
  std::size_t i = *slot;
  page.tags[i] = kRemoved;
  ++page.removed;
  // Nothing probes past an empty slot: the removed ones before it can be empty too.
  if (page.tags[next_slot(page, i)] == kEmpty) {
    for (; page.tags[i] == kRemoved; i = (i == 0 ? page.slots : i) - 1) {
      page.tags[i] = kEmpty;
      --page.removed;
      --page.used;
    }
  }
  const std::size_t size = kNumberBytes + length_bytes(erased.size()) + erased.size();
  if (free_by_size_.size() <= size) free_by_size_.resize(size + 1);
  put_word(at(reference), free_by_size_[size]);
  free_by_size_[size] = reference + 1;
  --size_;
}

void ByteIndex::prefetch_slot(std::uint64_t hashed) const {
  const Page& page = page_of(hashed);
  const std::size_t home = home_of(page, hashed);
  prefetch(&page.tags[home]);
  prefetch(&page.references[home]);
}

void ByteIndex::make_room(std::uint64_t hashed) {
  for (const Page* page = &page_of(hashed); page->used >= used_max(page->slots); page = &page_of(hashed)) grow(hashed);
}

// Puts the page's entries into a larger one, into two, or, if many were removed ones, into one as large.
void ByteIndex::grow(std::uint64_t hashed) {
  const std::uint32_t number = directory_[depth_ ? hashed >> (64 - depth_) : 0];
  const std::unique_ptr<Page> old = std::move(pages_[number]);
  const std::uint32_t live = old->used - old->removed;
  const auto* const step =
      std::find_if(kSlotSteps.begin(), kSlotSteps.end(), [&](std::uint32_t slots) { return live < slots * 3 / 4; });
  const bool splits = step == kSlotSteps.end();
  pages_[number] = std::make_unique<Page>(splits ? kSlotSteps.front() : *step);
  pages_[number]->depth = old->depth;
  if (splits) split(hashed, *pages_[number]);
  for (std::size_t i = 0; i < old->slots; ++i) {
    if (old->tags[i] <= kRemoved) continue;
    const std::uint64_t of_entry = hash(bytes(old->references[i]));
    place(page_of(of_entry), of_entry, old->references[i]);
  }
}

// An empty page becomes two.
void ByteIndex::split(std::uint64_t hashed, Page& page) {
  if (page.depth == depth_) {
    SPEX_ASSERT(depth_ < 30);
    std::vector<std::uint32_t> doubled(directory_.size() * 2);
    for (std::size_t i = 0; i < doubled.size(); ++i) doubled[i] = directory_[i / 2];
    directory_ = std::move(doubled);
    ++depth_;
  }
  const std::size_t span = std::size_t{1} << (depth_ - page.depth);
  const std::size_t first = (hashed >> (64 - depth_)) / span * span;
  ++page.depth;
  pages_.push_back(std::make_unique<Page>(page.slots));
  pages_.back()->depth = page.depth;
  for (std::size_t i = first + span / 2; i < first + span; ++i) {
    directory_[i] = static_cast<std::uint32_t>(pages_.size() - 1);
  }
}

std::optional<ByteIndex::Reference> ByteIndex::allocate(std::size_t size) {
  if (size < free_by_size_.size() && free_by_size_[size]) {
    const Reference reference = free_by_size_[size] - 1;
    free_by_size_[size] = get_word<Reference>(at(reference));
    return reference;
  }
  constexpr std::uint64_t kSegment = std::uint64_t{1} << kSegmentBits;
  SPEX_ASSERT(size <= kSegment);
  if (free_from_ % kSegment + size > kSegment) free_from_ = (free_from_ / kSegment + 1) * kSegment;
  if (free_from_ + size > 0xfffffff0U) return std::nullopt;
  while (free_from_ >> kSegmentBits >= segments_.size()) {
    segments_.push_back(std::make_unique_for_overwrite<std::uint8_t[]>(kSegment));
  }
  const auto reference = static_cast<Reference>(free_from_);
  free_from_ += size;
  return reference;
}

}  // namespace spex::store
