#include "lts/dot_format.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "lts/dot_lexer.h"
#include "lts/lts_builder.h"

namespace spex::lts {
namespace {

// The node whose edge points at the initial state; no state itself.
constexpr std::string_view kStart = "__start0";
// Each edge may become two transitions.
constexpr std::size_t kEdgesMax = 1U << 30U;
constexpr std::size_t kGroupsMax = 1000;
// Longer names would repeat the names of the file without bound.
constexpr std::size_t kNameBetweenMax = 255;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n\v\f";
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

// What an edge's label says: one action, or inputs and an output.
struct Label {
  std::vector<std::string> inputs;
  std::string output;
  bool is_mealy = false;
};

Label read_text_label(std::string_view text, bool may_be_mealy) {
  // "a/b / c" has its slash between blanks.
  const std::size_t spaced = text.find(" / ");
  const std::size_t slash = spaced != std::string_view::npos ? spaced + 1 : text.find('/');
  if (!may_be_mealy || slash == std::string_view::npos) return {{std::string(text)}, {}, false};
  return {{std::string(trimmed(text.substr(0, slash)))}, std::string(trimmed(text.substr(slash + 1))), true};
}

// Text of an HTML label: `<br/>` is a newline, other tags are gone.
std::string html_text(std::string_view html) {
  constexpr std::pair<std::string_view, char> kEntities[] = {
      {"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}};
  std::string text;
  for (std::size_t at = 0; at < html.size();) {
    const std::string_view rest = html.substr(at);
    if (rest[0] == '<') {
      const std::size_t end = rest.find('>');
      if (rest.substr(1, 2) == "br" || rest.substr(1, 2) == "BR") text += '\n';
      at += end == std::string_view::npos ? rest.size() : end + 1;
      continue;
    }
    const auto* entity = std::find_if(std::begin(kEntities), std::end(kEntities),
                                      [&](const auto& known) { return rest.starts_with(known.first); });
    text += entity != std::end(kEntities) ? entity->second : rest[0];
    at += entity != std::end(kEntities) ? entity->first.size() : 1;
  }
  return text;
}

Label read_html_label(std::string_view html, bool may_be_mealy) {
  const std::string text = html_text(html);
  const std::size_t line_end = text.find('\n');
  if (!may_be_mealy || line_end == std::string::npos) return read_text_label(text, may_be_mealy);
  Label label{{}, std::string(trimmed(std::string_view(text).substr(line_end + 1))), true};
  std::replace(label.output.begin(), label.output.end(), '\n', ' ');
  const std::string_view inputs = std::string_view(text).substr(0, line_end);
  for (std::size_t begin = 0; begin <= inputs.size();) {
    const std::size_t end = std::min(inputs.find('|', begin), inputs.size());
    label.inputs.emplace_back(trimmed(inputs.substr(begin, end - begin)));
    begin = end + 1;
  }
  return label;
}

// Statement by statement into the builder; edges are kept until all nodes are known, because the states between
// inputs and outputs must have names of their own.
class DotReader {
 public:
  DotReader(ByteSource& source, const DotOptions& options) : lexer_(source), builder_(options.tau_names.at(0)) {
    for (std::size_t i = 1; i < options.tau_names.size(); ++i) builder_.add_tau_name(options.tau_names[i]);
  }

  base::Result<Lts> read() {
    SPEX_TRY(read_head());
    default_labels_.push_back(nullptr);
    while (!default_labels_.empty()) SPEX_TRY(read_statement());
    if (token_.kind != DotToken::Kind::end) return lexer_.failure("text after the graph");
    if (!has_node_) return lexer_.failure("a graph without a node");
    for (std::size_t i = 0; i < edges_.size(); ++i) add_edge(edges_[i], i);
    if (initial_) builder_.set_initial(*initial_);
    return std::move(builder_).build();
  }

 private:
  static constexpr ActionId kNone = 0xFFFFFFFFU;
  struct Edge {
    StateId from;
    ActionId action;  // the input, in a Mealy machine
    ActionId output;  // kNone: there is none
    StateId to;
  };

  base::Result<void> next() { return lexer_.next(token_); }

  base::Result<void> read_head() {
    SPEX_TRY(next());
    if (token_.text.starts_with("\xEF\xBB\xBF")) token_.text.erase(0, 3);  // a byte order mark
    if (token_.kind == DotToken::Kind::name && token_.text.empty()) SPEX_TRY(next());
    if (token_.is_keyword("strict")) SPEX_TRY(next());
    if (token_.is_keyword("graph")) return lexer_.failure("an undirected graph; transitions have a direction");
    if (!token_.is_keyword("digraph")) return lexer_.failure("expected \"digraph\"");
    SPEX_TRY(next());
    if (token_.is_id()) SPEX_TRY(next());
    if (!token_.is('{')) return lexer_.failure("expected \"{\"");
    return next();
  }

  // One statement of the innermost group, or its end. Groups are kept on a stack of our own.
  base::Result<void> read_statement() {
    if (token_.kind == DotToken::Kind::end) return lexer_.failure("the graph is not closed");
    if (token_.is(';')) return next();
    if (token_.is('}')) {
      default_labels_.pop_back();
      SPEX_TRY(next());
      return token_.kind == DotToken::Kind::arrow ? refuse_group_edge() : base::Result<void>();
    }
    if (token_.is_keyword("subgraph")) {
      SPEX_TRY(next());
      if (token_.is_id()) SPEX_TRY(next());
      if (!token_.is('{')) return lexer_.failure("expected \"{\"");
    }
    if (token_.is('{')) {
      if (default_labels_.size() == kGroupsMax) {
        return lexer_.failure("groups nested more than " + std::to_string(kGroupsMax) + " deep",
                              base::Reason::too_large);
      }
      default_labels_.push_back(default_labels_.back());
      return next();
    }
    if (!token_.is_id()) return lexer_.failure("expected a statement");
    if (token_.is_keyword("graph") || token_.is_keyword("node") || token_.is_keyword("edge")) return read_defaults();
    return read_named_statement();
  }

  base::Error refuse_group_edge() const { return lexer_.failure("an edge between groups of nodes"); }

  base::Result<void> read_defaults() {
    const bool is_edge = token_.is_keyword("edge");
    SPEX_TRY(next());
    std::optional<DotToken> label;
    SPEX_TRY(read_attributes(label));
    if (is_edge && label) default_labels_.back() = std::make_shared<const DotToken>(std::move(*label));
    return {};
  }

  // `name = value`, a node, or a chain of edges.
  base::Result<void> read_named_statement() {
    const std::uint64_t line = lexer_.line();
    std::string name = std::move(token_.text);
    SPEX_TRY(next());
    if (token_.is('=')) {
      SPEX_TRY(next());
      if (!token_.is_id()) return lexer_.failure("expected a value after \"=\"");
      note_graph_attribute(name, token_.text);
      return next();
    }
    SPEX_TRY(skip_port());
    std::vector<std::string> chain{std::move(name)};
    while (token_.kind == DotToken::Kind::arrow) {
      SPEX_TRY(next());
      if (token_.is('{') || token_.is_keyword("subgraph")) return refuse_group_edge();
      if (!token_.is_id()) return lexer_.failure("expected a node after \"->\"");
      chain.push_back(std::move(token_.text));
      SPEX_TRY(next());
      SPEX_TRY(skip_port());
    }
    if (token_.kind == DotToken::Kind::line) return lexer_.failure("an undirected edge; transitions have a direction");
    std::optional<DotToken> label;
    SPEX_TRY(read_attributes(label));
    if (chain.size() == 1) {
      if (chain[0] != kStart) state(chain[0]);
      return {};
    }
    return take_edges(chain, label ? &*label : default_labels_.back().get(), line);
  }

  base::Result<void> skip_port() {
    while (token_.is(':')) {
      SPEX_TRY(next());
      if (!token_.is_id()) return lexer_.failure("expected a port after \":\"");
      SPEX_TRY(next());
    }
    return {};
  }

  // Any number of `[name=value, …]`; keeps the label.
  base::Result<void> read_attributes(std::optional<DotToken>& label) {
    while (token_.is('[')) {
      SPEX_TRY(next());
      while (!token_.is(']')) {
        if (!token_.is_id()) return lexer_.failure("expected an attribute or \"]\"");
        const std::string name = std::move(token_.text);
        SPEX_TRY(next());
        if (token_.is('=')) {
          SPEX_TRY(next());
          if (!token_.is_id()) return lexer_.failure("expected a value after \"=\"");
          if (name == "label") label = token_;
          note_graph_attribute(name, token_.text);
          SPEX_TRY(next());
        }
        if (token_.is(',') || token_.is(';')) SPEX_TRY(next());
      }
      SPEX_TRY(next());
    }
    return {};
  }

  void note_graph_attribute(std::string_view name, std::string_view value) {
    if (name == "mealy") may_be_mealy_ = value != "false";
  }

  StateId state(std::string_view name) {
    has_node_ = true;
    return builder_.state(name);
  }

  base::Result<void> take_edges(const std::vector<std::string>& chain, const DotToken* label, std::uint64_t line) {
    for (std::size_t i = 1; i < chain.size(); ++i) {
      if (chain[i] == kStart) return lexer_.failure_at(line, "an edge into " + std::string(kStart));
      if (chain[i - 1] == kStart) {
        const StateId to = state(chain[i]);
        if (initial_ && *initial_ != to) return lexer_.failure_at(line, "a second initial state");
        initial_ = to;
        continue;
      }
      if (label == nullptr) return lexer_.failure_at(line, "an edge without a label");
      const StateId from = state(chain[i - 1]);
      SPEX_TRY(take_edge(from, *label, state(chain[i])));
    }
    return {};
  }

  base::Result<void> take_edge(StateId from, const DotToken& token, StateId to) {
    const Label label = token.kind == DotToken::Kind::html ? read_html_label(token.text, may_be_mealy_)
                                                           : read_text_label(token.text, may_be_mealy_);
    const ActionId output = label.is_mealy ? builder_.action("!" + label.output) : kNone;
    for (const std::string& input : label.inputs) {
      if (edges_.size() == kEdgesMax) return lexer_.failure("too many edges", base::Reason::too_large);
      edges_.push_back({from, builder_.action(label.is_mealy ? "?" + input : input), output, to});
    }
    return {};
  }

  void add_edge(const Edge& edge, std::size_t number) {
    if (edge.output == kNone) return builder_.add_transition(edge.from, edge.action, edge.to);
    const StateId between = state_between(edge, number);
    builder_.add_transition(edge.from, edge.action, between);
    builder_.add_transition(between, edge.output, edge.to);
  }

  // A new state, named after the source and the input. Edges try different names, so all together meet each
  // existing name once at most.
  StateId state_between(const Edge& edge, std::size_t number) {
    const std::uint32_t before = builder_.state_count();
    std::string name = builder_.state_name(edge.from) + " " + std::string(builder_.action_name(edge.action));
    if (name.size() > kNameBetweenMax) name = "between";
    StateId made = builder_.state(name);
    for (; builder_.state_count() == before; number += edges_.size()) {
      made = builder_.state(name + " #" + std::to_string(number));
    }
    return made;
  }

  DotLexer lexer_;
  DotToken token_;
  LtsBuilder builder_;
  std::vector<std::shared_ptr<const DotToken>> default_labels_;  // of edges, by open group; null: none
  std::vector<Edge> edges_;
  std::optional<StateId> initial_;
  bool may_be_mealy_ = true;
  bool has_node_ = false;
};

}  // namespace

base::Result<Lts> read_dot(ByteSource& source, const DotOptions& options) { return DotReader(source, options).read(); }

base::Result<Lts> parse_dot(std::string_view text, const DotOptions& options) {
  ByteSource source = ByteSource::of_text(text, "text");
  return read_dot(source, options);
}

std::string dot_quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

base::Result<std::string> format_dot(const Lts& lts, std::string_view tau_name) {
  bool has_slash = tau_name.find('/') != std::string_view::npos;
  std::vector<std::string> labels{dot_quoted(tau_name)};
  for (ActionId action = 1; action < lts.action_count(); ++action) {
    const std::string_view name = lts.action_name(action);
    if (name == tau_name) {
      return base::fail(base::Reason::invalid_argument,
                        "write DOT: the visible action \"" + std::string(name) +
                            "\" has the name of the internal one; name another with --tau");
    }
    has_slash = has_slash || name.find('/') != std::string_view::npos;
    labels.push_back(dot_quoted(name));
  }
  std::string text = "digraph lts {\n  rankdir=LR;\n  node [shape=circle];\n";
  if (has_slash) text += "  mealy=false;\n";
  text += "  " + std::string(kStart) + " [label=\"\", shape=none];\n";
  for (StateId state = 0; state < lts.state_count(); ++state) {
    const std::string name = lts.state_name(state);
    if (name == kStart) {
      return base::fail(base::Reason::invalid_argument, "write DOT: a state is called " + name);
    }
    text.append("  ").append(dot_quoted(name)).append(";\n");
  }
  text += "  " + std::string(kStart) + " -> " + dot_quoted(lts.state_name(lts.initial_state())) + ";\n";
  for (StateId state = 0; state < lts.state_count(); ++state) {
    const std::string from = "  " + dot_quoted(lts.state_name(state)) + " -> ";
    for (const Transition& step : lts.outgoing(state)) {
      text.append(from).append(dot_quoted(lts.state_name(step.target)));
      text.append(" [label=").append(labels[step.action]).append("];\n");
    }
  }
  return text + "}\n";
}

}  // namespace spex::lts
