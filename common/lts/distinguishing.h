// Finds what tells two states apart: the best attack in the bisimulation game,
// and a formula of least depth.
//
// An attack on (s, t) separated at level k is an observation s =tau*=> x -a-> y
// whose classes of level k - 1 no observation of t has. Every answer of t then
// differs before or after the action at a level below k, so formulas and plays
// built from attacks have depth k (J. Martens, J.F. Groote 2024, see
// level_partition.h). Called by explanation.cpp.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "lts/formula.h"
#include "lts/level_partition.h"
#include "lts/merged_graph.h"
#include "lts/pair_map.h"

namespace spex::lts {

// The other side's answer: where it is before and after the action; the same if it stays for a silent step.
struct Answer {
  StateId before;
  StateId after;
};

struct Attack {
  bool by_second;  // the second state of the pair attacks
  StateId before;
  ActionId action;
  StateId after;
  std::uint32_t answers_begin;  // Distinguisher::answers(): one for each pair of classes
  std::uint32_t answers_end;
};

class Distinguisher {
 public:
  // `levels` has separated every pair that is asked for.
  Distinguisher(const MergedGraph& graph, const LevelPartition& levels, std::uint64_t work_max);

  // The attack whose best answer is separated earliest; nothing if the budget is spent. Its answers last until
  // formula() is called.
  std::optional<Attack> best_attack(StateId first, StateId second);
  std::span<const Answer> answers(const Attack& attack) const {
    return {answers_.data() + attack.answers_begin, answers_.data() + attack.answers_end};
  }
  // The answer that holds out longest. There must be one.
  Answer best_answer(const Attack& attack) const;
  // Whether the play goes on before the action, rather than after it.
  bool differs_before(const Attack& attack, const Answer& answer) const;

  // True in `first`, false in `second`; nothing if the budget is spent.
  std::optional<FormulaId> formula(StateId first, StateId second, Formulas& formulas);

 private:
  struct Observation {
    StateId before;
    ActionId action;
    StateId after;
  };
  using Classes = std::tuple<std::uint32_t, ActionId, std::uint32_t>;
  // A set that is small, mostly; then a vector is searched quicker than a tree.
  class ClassesSet {
   public:
    void clear();
    // Whether it was not there.
    bool insert(const Classes& item);

   private:
    std::vector<Classes> few_;
    std::set<Classes> many_;
  };
  // The classes of two states at the level that separates them.
  using Key = std::pair<std::uint32_t, std::uint32_t>;
  // A formula under construction.
  struct Frame {
    Key key;
    Attack attack;
    std::uint32_t next_answer;
    std::uint32_t parts_begin;  // in parts_
  };
  struct Part {
    FormulaId formula;
    bool before;
  };

  void find_tau_reach(StateId state);
  void find_observations(StateId state, std::uint32_t level, std::vector<Observation>& found);
  void consider(const std::vector<Observation>& own, const std::vector<Observation>& others, StateId other,
                std::uint32_t level, bool by_second, std::optional<Attack>& best, std::uint64_t& best_rank);
  void find_answers(StateId state, const Observation& observation, std::uint32_t level);
  bool open(StateId first, StateId second);
  FormulaId close(Formulas& formulas);
  std::uint32_t value(StateId before, StateId after, const Answer& answer) const;
  Key key_of(StateId first, StateId second) const;
  const FormulaId* find_known(const Key& key);
  void remember(const Key& key, FormulaId formula);
  void spend(std::uint64_t work) { work_left_ -= work < work_left_ ? work : work_left_; }

  const MergedGraph& graph_;
  const LevelPartition& levels_;
  std::uint64_t work_left_;
  std::vector<std::uint32_t> seen_;
  std::uint32_t round_ = 0;
  // Of attacks under way, one after the other.
  std::vector<Answer> answers_;
  std::vector<Frame> frames_;
  std::vector<Part> parts_;
  // Formulas by key, the later class first: most pairs have one of a few early classes, so lists by that would be long.
  // The keys that begin with their later class are apart.
  std::array<PairMap, 2> known_;
  // Made anew for each attack.
  std::vector<StateId> reach_;
  std::vector<Observation> of_first_;
  std::vector<Observation> of_second_;
  std::vector<Answer> found_answers_;
  std::vector<Answer> best_answers_;
  ClassesSet seen_observations_;
  ClassesSet seen_answers_;
  std::vector<FormulaId> before_;
  std::vector<FormulaId> after_;
};

}  // namespace spex::lts
