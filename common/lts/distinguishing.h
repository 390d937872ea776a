// Finds what tells two states apart: the best attack in the bisimulation game,
// and a formula of least depth.
//
// An attack on (s, t) separated at level k is an observation s =tau*=> x -a-> y
// whose classes of level k - 1 no observation of t has. Every answer of t then
// differs before or after the action at a level below k, so formulas and plays
// built from attacks have depth k (J. Martens, J.F. Groote 2024, see
// level_partition.h). Called by explanation.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "lts/formula.h"
#include "lts/level_partition.h"
#include "lts/merged_graph.h"

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
  std::vector<Answer> answers;  // one for each pair of classes
};

class Distinguisher {
 public:
  // `levels` has separated every pair that is asked for.
  Distinguisher(const MergedGraph& graph, const LevelPartition& levels, std::uint64_t work_max);

  // The attack whose best answer is separated earliest; nothing if the budget is spent.
  std::optional<Attack> best_attack(StateId first, StateId second);
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
  // A formula under construction.
  struct Frame {
    std::pair<StateId, StateId> pair;
    std::uint64_t key;
    Attack attack;
    std::size_t next_answer = 0;
    std::vector<FormulaId> before{};
    std::vector<FormulaId> after{};
  };

  std::vector<StateId> tau_reach(StateId state);
  std::vector<Observation> observations(StateId state, std::uint32_t level);
  void consider(const std::vector<Observation>& own, const std::vector<Observation>& others, StateId other,
                std::uint32_t level, bool by_second, std::optional<Attack>& best, std::uint64_t& best_rank);
  std::vector<Answer> answers_of(StateId state, const Observation& observation, std::uint32_t level);
  std::uint32_t value(StateId before, StateId after, const Answer& answer) const;
  std::uint64_t key_of(StateId first, StateId second) const;
  void spend(std::uint64_t work) { work_left_ -= work < work_left_ ? work : work_left_; }

  const MergedGraph& graph_;
  const LevelPartition& levels_;
  std::uint64_t work_left_;
  std::vector<std::uint32_t> seen_;
  std::uint32_t round_ = 0;
  std::unordered_map<std::uint64_t, FormulaId> known_;
};

}  // namespace spex::lts
