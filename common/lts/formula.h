// Formulas of Hennessy-Milner logic over weak steps, as mCRL2 writes them.
//
// A Formulas object holds nodes that share subformulas, so a formula whose
// text would be exponential is small here. Built by distinguishing.h, judged by
// formula_eval.h. Nodes refer to nodes made before them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lts/lts.h"

namespace spex::lts {

using FormulaId = std::uint32_t;

struct FormulaNode {
  enum class Kind : std::uint8_t {
    truth,
    negation,     // of the one operand
    conjunction,  // of all operands
    observation,  // `<tau*>(<a>after && before)`: operands are after, before. For tau: `<tau*>(<tau + false*>after &&
                  // before)`, tau or nothing
    step,         // `<a>after`, tau like any action: for strong bisimilarity
  };
  Kind kind;
  ActionId action;      // of observation and step
  std::uint32_t depth;  // greatest nesting of observations and steps
  std::uint32_t begin;  // of the operands
  std::uint32_t end;
};

class Formulas {
 public:
  Formulas();

  static constexpr FormulaId kTruth = 0;
  FormulaId negation(FormulaId operand);
  // Without doubles, which are dropped from `operands`; the operand itself if there is one, truth if there is none.
  FormulaId conjunction(std::vector<FormulaId>& operands);
  FormulaId observation(ActionId action, FormulaId after, FormulaId before);
  FormulaId step(ActionId action, FormulaId after);

  const FormulaNode& node(FormulaId id) const { return nodes_[id]; }
  std::span<const FormulaId> operands(FormulaId id) const {
    return {operands_.data() + nodes_[id].begin, operands_.data() + nodes_[id].end};
  }
  std::uint32_t size() const { return static_cast<std::uint32_t>(nodes_.size()); }

  // In mCRL2's syntax with labels raw and unquoted; nothing if it were longer than `bytes_max`.
  std::optional<std::string> text(FormulaId id, std::span<const std::string_view> action_names,
                                  std::size_t bytes_max) const;

 private:
  class Writer;
  FormulaId add(FormulaNode::Kind kind, ActionId action, std::uint32_t depth, std::span<const FormulaId> operands);

  std::vector<FormulaNode> nodes_;
  std::vector<FormulaId> operands_;
};

}  // namespace spex::lts
