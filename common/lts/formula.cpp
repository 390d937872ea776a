#include "lts/formula.h"

#include <algorithm>
#include <array>

namespace spex::lts {

using Kind = FormulaNode::Kind;

Formulas::Formulas() { add(Kind::truth, kTau, 0, {}); }

FormulaId Formulas::add(Kind kind, ActionId action, std::uint32_t depth, std::span<const FormulaId> operands) {
  for (const FormulaId operand : operands) depth = std::max(depth, nodes_[operand].depth);
  if (kind == Kind::observation || kind == Kind::step) ++depth;
  const std::uint32_t begin = static_cast<std::uint32_t>(operands_.size());
  operands_.insert(operands_.end(), operands.begin(), operands.end());
  nodes_.push_back({kind, action, depth, begin, static_cast<std::uint32_t>(operands_.size())});
  return size() - 1;
}

FormulaId Formulas::negation(FormulaId operand) {
  if (nodes_[operand].kind == Kind::negation) return operands(operand)[0];
  return add(Kind::negation, kTau, 0, {&operand, 1});
}

FormulaId Formulas::conjunction(std::vector<FormulaId>& operands) {
  std::sort(operands.begin(), operands.end());
  operands.erase(std::unique(operands.begin(), operands.end()), operands.end());
  if (!operands.empty() && operands.front() == kTruth) operands.erase(operands.begin());
  if (operands.empty()) return kTruth;
  return operands.size() == 1 ? operands[0] : add(Kind::conjunction, kTau, 0, operands);
}

FormulaId Formulas::observation(ActionId action, FormulaId after, FormulaId before) {
  const std::array operands{after, before};
  return add(Kind::observation, action, 0, operands);
}

FormulaId Formulas::step(ActionId action, FormulaId after) { return add(Kind::step, action, 0, {&after, 1}); }

// Writes without recursion: a stack of what is still to be written, a node or
// a piece of text.
class Formulas::Writer {
 public:
  Writer(const Formulas& formulas, std::span<const std::string_view> names, std::size_t bytes_max)
      : formulas_(formulas), names_(names), bytes_max_(bytes_max) {}

  std::optional<std::string> write(FormulaId id) {
    stack_.push_back({id, {}});
    while (!stack_.empty()) {
      const Item item = stack_.back();
      stack_.pop_back();
      if (item.id == kText) {
        text_.append(item.text);
      } else {
        expand(item.id);
      }
      if (text_.size() > bytes_max_) return std::nullopt;
    }
    return std::move(text_);
  }

 private:
  static constexpr FormulaId kText = 0xFFFFFFFFU;
  struct Item {
    FormulaId id;
    std::string_view text;
  };

  void later(std::string_view text) { stack_.push_back({kText, text}); }
  // A node as the operand of something that binds more tightly than `&&`.
  void later_tight(FormulaId id) {
    const bool loose = formulas_.node(id).kind == Kind::conjunction;
    if (loose) later(")");
    stack_.push_back({id, {}});
    if (loose) later("(");
  }

  // Pushes in reverse; what is written first is pushed last.
  void expand(FormulaId id) {
    const FormulaNode& node = formulas_.node(id);
    const auto operands = formulas_.operands(id);
    switch (node.kind) {
      case Kind::truth:
        text_.append("true");
        return;
      case Kind::negation:
        text_.append("!(");
        later(")");
        stack_.push_back({operands[0], {}});
        return;
      case Kind::conjunction:
        for (std::size_t i = operands.size(); i-- > 0;) {
          later_tight(operands[i]);
          if (i > 0) later(" && ");
        }
        return;
      case Kind::step:
        text_.append("<").append(names_[node.action]).append(">");
        later_tight(operands[0]);
        return;
      case Kind::observation:
        text_.append("<tau*>");
        if (operands[1] != kTruth) {
          text_.append("(");
          later(")");
          later_tight(operands[1]);
          later(" && ");
        }
        text_.append("<").append(node.action == kTau ? "tau + false*" : names_[node.action]).append(">");
        later_tight(operands[0]);
        return;
    }
  }

  const Formulas& formulas_;
  std::span<const std::string_view> names_;
  std::size_t bytes_max_;
  std::string text_;
  std::vector<Item> stack_;
};

std::optional<std::string> Formulas::text(FormulaId id, std::span<const std::string_view> action_names,
                                          std::size_t bytes_max) const {
  return Writer(*this, action_names, bytes_max).write(id);
}

}  // namespace spex::lts
