// NewestByHash: 64-bit hash → the newest of the places that were put in under it. Chains
// through an array beside the places: nothing is allocated but when there are more places than ever.
// O(1) expected.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace spex::client {

class NewestByHash {
 public:
  using Place = std::uint32_t;
  static constexpr Place kNone = 0xffffffff;

  // `place`, which is in here under no hash, becomes the newest of `hash`. The one before it, or kNone.
  Place replace(std::uint64_t hash, Place place) {
    make_room(place);
    Place* const link = link_of(hash);
    const Place before = *link;
    nodes_[place] = {hash, before == kNone ? kNone : nodes_[before].next};
    *link = place;
    return before;
  }
  // There is none of `hash` any more.
  void erase(std::uint64_t hash) {
    Place* const link = link_of(hash);
    if (*link != kNone) *link = nodes_[*link].next;
  }

 private:
  struct Node {
    std::uint64_t hash = 0;
    Place next = kNone;
  };
  Place* link_of(std::uint64_t hash) {
    Place* link = &heads_[hash % heads_.size()];
    while (*link != kNone && nodes_[*link].hash != hash) link = &nodes_[*link].next;
    return link;
  }
  void make_room(Place place) {
    if (place < nodes_.size()) return;
    std::size_t size = heads_.size();
    while (place >= size) size *= 2;
    std::vector<Place> old(size, kNone);
    old.swap(heads_);
    nodes_.resize(heads_.size());
    for (Place next : old) {
      while (next != kNone) {
        const Place moved = next;
        next = nodes_[moved].next;
        Place& head = heads_[nodes_[moved].hash % heads_.size()];
        nodes_[moved].next = head;
        head = moved;
      }
    }
  }

  std::vector<Place> heads_ = std::vector<Place>(64, kNone);  // a power of two
  std::vector<Node> nodes_ = std::vector<Node>(64);           // by place
};

}  // namespace spex::client
