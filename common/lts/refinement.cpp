#include "lts/refinement.h"

#include <algorithm>
#include <utility>

namespace spex::lts {

Refinement::Refinement(const MergedGraph& graph, SignatureClasses start)
    : graph_(graph),
      partition_(graph, std::move(start.classes), start.count, std::move(start.previous), start.previous_count),
      incoming_(graph),
      sets_(graph, partition_),
      search_(graph, partition_, sets_, incoming_) {
  partition_.make_room();
}

void Refinement::run(bool stop_when_separated) {
  while (!(stop_when_separated && separated())) {
    const BlockId small = partition_.detach_small_block();
    if (small == kNone) return;
    split_constellation(small);
    // A separation is final, so the work left over needs no end.
    while (!pending_.empty() && !(stop_when_separated && separated())) stabilise();
    sets_.forget_lone_counts();
  }
}

bool Refinement::separated() const {
  return partition_.block_of[graph_.left_initial] != partition_.block_of[graph_.right_initial];
}

void Refinement::split_constellation(BlockId small) {
  const Block& block = partition_.blocks[small];
  for (std::uint32_t place = block.begin; place < block.end; ++place) {
    for (const std::uint32_t transition : incoming_.all(partition_.states[place])) {
      sets_.move(transition);
      sets_.separate_count(transition);
    }
  }
  sets_.finish_counts();
  add_pieces(small);
}

// Each touched set has become two: what leads to `small` and the rest.
void Refinement::add_pieces(BlockId small) {
  const SetId own_before = partition_.blocks[small].own_tau_set;
  bool own_touched = false;
  for (const SetId rest : sets_.touched()) {
    const SetId piece = sets_.sets[rest].moved_to;
    const BlockId source = partition_.block_of[sets_.first_source(piece)];
    Block& block = partition_.blocks[source];
    const bool whole = sets_.sets[rest].empty();
    sets_.link(piece, block);
    if (rest != block.own_tau_set) {
      if (!whole) {
        // Bottom states of the block have a transition in one or the other.
        sets_.sets[piece].guides = true;
        sets_.sets[piece].rest = rest;
        sets_.sets[rest].rest = piece;
        sets_.mark_all(piece);
        add_pending(piece);
      }
    } else if (source == small) {
      own_touched = true;
      block.own_tau_set = piece;  // its inert taus
      if (!whole) {
        sets_.mark_all(rest);
        add_pending(rest);
      }
    } else {
      if (whole) block.own_tau_set = kNone;
      sets_.mark_all(piece);
      add_pending(piece);
    }
    if (whole) retire(rest, block);
  }
  if (!own_touched && own_before != kNone) {
    partition_.blocks[small].own_tau_set = kNone;
    sets_.mark_all(own_before);
    add_pending(own_before);
  }
  sets_.clear_touched();
}

void Refinement::add_pending(SetId set) {
  if (sets_.sets[set].pending) return;
  sets_.sets[set].pending = true;
  pending_.push_back(set);
}

// An empty set leaves its block; its number is free once no list names it.
void Refinement::retire(SetId set, Block& block) {
  sets_.unlink(set, block);
  sets_.sets[set].alive = false;
  if (!sets_.sets[set].pending) sets_.release(set);
}

void Refinement::stabilise() {
  current_ = pending_.back();
  pending_.pop_back();
  TransitionSet& set = sets_.sets[current_];
  set.pending = false;
  if (!set.alive) {
    sets_.release(current_);
    return;
  }
  const bool guides = set.guides;
  set.guides = false;
  split_by(current_);
  if (guides) split_by_rest(current_);
  sets_.unmark_all(current_);
  settle_new_bottoms();
}

void Refinement::split_by(SetId set) {
  const BlockId id = partition_.block_of[sets_.first_source(set)];
  const Block& block = partition_.blocks[id];
  std::uint32_t reaching_end = block.begin;
  for (std::uint32_t place = sets_.sets[set].begin; place < sets_.sets[set].marked_end; ++place) {
    const StateId source = sets_.source_of[sets_.transitions[place]];
    if (partition_.is_bottom(source) && partition_.place_of[source] >= reaching_end) {
      partition_.swap_to(source, reaching_end++);
    }
  }
  split(id, reaching_end - block.begin, set);
}

// After split_by(set) all bottom states of the block have a transition in `set`, so going through `set` finds
// those without one in its rest.
void Refinement::split_by_rest(SetId set) {
  const SetId rest = sets_.sets[set].rest;
  if (rest == kNone) return;
  const BlockId id = partition_.block_of[sets_.first_source(set)];
  const Block& block = partition_.blocks[id];
  std::uint32_t reaching_end = block.bottom_end;
  for (std::uint32_t place = sets_.sets[set].begin; place < sets_.sets[set].end; ++place) {
    const std::uint32_t transition = sets_.transitions[place];
    const StateId source = sets_.source_of[transition];
    if (sets_.is_lone(transition) && partition_.is_bottom(source) && partition_.place_of[source] < reaching_end) {
      partition_.swap_to(source, --reaching_end);
    }
  }
  split(id, reaching_end - block.begin, rest);
}

// A state that became bottom may lack what the older bottom states have. Together with what reaches it, it
// gets a block of its own (it has a tau to the block that was split off, which the older ones lack), and all
// sets of that block are to be looked at.
void Refinement::settle_new_bottoms() {
  while (!new_bottoms_.empty()) {
    const BlockId id = partition_.block_of[new_bottoms_.back()];
    std::uint32_t end = partition_.blocks[id].begin;
    const auto here = std::partition(new_bottoms_.begin(), new_bottoms_.end(),
                                     [&](StateId state) { return partition_.block_of[state] != id; });
    for (auto it = here; it != new_bottoms_.end(); ++it) partition_.swap_to(*it, end++);
    new_bottoms_.erase(here, new_bottoms_.end());
    const std::size_t others = new_bottoms_.size();
    const BlockId reaching = split(id, end - partition_.blocks[id].begin, kNone);
    new_bottoms_.resize(others);  // the split only made more of them in `reaching`
    mark_new_block(reaching);
  }
}

void Refinement::mark_new_block(BlockId id) {
  const Block& block = partition_.blocks[id];
  for (std::uint32_t place = block.begin; place < block.bottom_end; ++place) {
    const StateId state = partition_.states[place];
    for (std::uint32_t t = graph_.row_begins[state]; t < graph_.row_begins[state + std::size_t{1}]; ++t) {
      if (sets_.set_of[t] != block.own_tau_set) sets_.mark(t);
    }
  }
  for (SetId set = block.first_set; set != kNone; set = sets_.sets[set].next) {
    if (set != block.own_tau_set) add_pending(set);
  }
}

BlockId Refinement::split(BlockId id, std::uint32_t reaching, SetId set) {
  const std::uint32_t bottoms = partition_.blocks[id].bottom_count();
  if (reaching == bottoms) return id;  // every other state reaches a bottom state
  const SplitSearch::Found found = search_.run(id, reaching, set);
  const bool is_reaching = found.side == SplitSearch::Side::reaching;
  const BlockId taken =
      partition_.take_out(id, is_reaching ? reaching : bottoms - reaching, is_reaching, *found.others);
  if (is_reaching) {
    lose_outgoing_inert(id, *found.others);
  } else {
    lose_incoming_inert(id, taken);
  }
  move_transitions(id, taken);
  return is_reaching ? taken : id;
}

// Taus from the block taken out to the old one are no longer inert.
void Refinement::lose_outgoing_inert(BlockId old, const std::vector<StateId>& states) {
  for (const StateId state : states) {
    for (const Transition& step : graph_.outgoing(state)) {
      if (step.action != kTau) break;
      if (partition_.block_of[step.target] == old && --partition_.inert_out[state] == 0) {
        partition_.make_bottom(state);
        new_bottoms_.push_back(state);
      }
    }
  }
}

// Taus from the old block to the one taken out are no longer inert.
void Refinement::lose_incoming_inert(BlockId old, BlockId taken) {
  for (std::uint32_t place = partition_.blocks[taken].begin; place < partition_.blocks[taken].end; ++place) {
    for (const std::uint32_t tau : incoming_.by_tau(partition_.states[place])) {
      const StateId source = sets_.source_of[tau];
      if (partition_.block_of[source] == old && --partition_.inert_out[source] == 0) {
        partition_.make_bottom(source);
        new_bottoms_.push_back(source);
      }
    }
  }
}

void Refinement::move_transitions(BlockId old_id, BlockId taken_id) {
  Block& old = partition_.blocks[old_id];
  Block& taken = partition_.blocks[taken_id];
  for (std::uint32_t place = taken.begin; place < taken.end; ++place) {
    const StateId state = partition_.states[place];
    for (std::uint32_t t = graph_.row_begins[state]; t < graph_.row_begins[state + std::size_t{1}]; ++t) sets_.move(t);
  }
  for (const SetId set : sets_.touched()) {
    const SetId moved = sets_.sets[set].moved_to;
    sets_.link(moved, taken);
    const SetId rest = sets_.sets[set].rest;
    sets_.sets[moved].rest = rest == kNone ? kNone : sets_.sets[rest].moved_to;
    sets_.sets[moved].guides = sets_.sets[set].guides;
    if (sets_.sets[set].pending) add_pending(moved);
    if (old.own_tau_set == set) taken.own_tau_set = moved;
  }
  for (const SetId set : sets_.touched()) {
    if (!sets_.sets[set].empty()) continue;
    const SetId rest = sets_.sets[set].rest;
    if (rest != kNone && sets_.sets[rest].rest == set) sets_.sets[rest].rest = kNone;
    if (old.own_tau_set == set) old.own_tau_set = kNone;
    if (current_ == set) current_ = sets_.sets[set].moved_to;
    retire(set, old);
  }
  sets_.clear_touched();
}

}  // namespace spex::lts
