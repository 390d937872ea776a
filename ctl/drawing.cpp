#include "ctl/drawing.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "ctl/output.h"
#include "lts/dot_format.h"

namespace spex::ctl {
namespace {

constexpr std::size_t kLabelLinesMax = 8;
constexpr std::size_t kLabelColumnsMax = 48;
constexpr std::size_t kNoteColumns = 100;

constexpr const char* kBlack = "#000000";
constexpr const char* kGrey = "#666666";
constexpr const char* kBlue = "#0072B2";
constexpr const char* kVermillion = "#D55E00";
constexpr const char* kYellow = "#F0E442";

const char* colour_of(Presence presence) {
  switch (presence) {
    case Presence::both:
      return kBlack;
    case Presence::missing:
      return kBlue;
    case Presence::extra:
      return kVermillion;
  }
  return kBlack;
}

const char* mark_of(Presence presence) {
  switch (presence) {
    case Presence::both:
      return "";
    case Presence::missing:
      return "− ";
    case Presence::extra:
      return "+ ";
  }
  return "";
}

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

// At most kLabelColumnsMax characters.
std::string cut(const std::string& text) {
  std::size_t columns = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!continues_character(text[at]) && ++columns > kLabelColumnsMax) return text.substr(0, at) + "…";
  }
  return text;
}

// Lines of about kNoteColumns bytes, broken between words.
std::string wrapped(const std::string& text) {
  std::string result;
  std::size_t column = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    if (column > 0 && column + end - at > kNoteColumns) {
      result += '\n';
      column = 0;
    } else if (column > 0) {
      result += ' ';
    }
    result.append(text, at, end - at);
    column += end - at + 1;
    at = end + 1;
  }
  return result;
}

// A string for Graphviz whose line ends show as such; `line_end` also aligns.
std::string shown(const std::string& text, const char* line_end = "\\n") {
  std::string quoted = lts::dot_quoted(text);
  std::string result;
  for (const char c : quoted) {
    if (c == '\n') {
      result += line_end;
    } else {
      result += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return result;
}

std::string label_of(const DrawnEdge& edge) {
  std::string label;
  const std::size_t lines = std::min(edge.labels.size(), kLabelLinesMax);
  for (std::size_t i = 0; i < lines; ++i) {
    label += (i > 0 ? "\n" : "") + std::string(mark_of(edge.presence)) + cut(edge.labels[i]);
  }
  if (lines < edge.labels.size()) label += "\n… " + std::to_string(edge.labels.size() - lines) + " more";
  if (edge.labels.size() > 1) label += "\n";  // so that the last line is aligned like the others
  if (edge.run_step > 0) label = "(" + std::to_string(edge.run_step) + ") " + label;
  return label;
}

std::string edge_style(Presence presence, bool is_on_run, bool is_silent) {
  const std::string colour = colour_of(presence);
  std::string style = "color=\"" + colour + "\", fontcolor=\"" + colour + "\"";
  if (is_on_run) {
    style = "color=\"" + std::string(kYellow) + ":" + colour + ":" + kYellow + "\", fontcolor=\"" + colour +
            "\", penwidth=3";
  } else if (presence == Presence::extra) {
    style += ", penwidth=2.4";
  } else {
    style += ", penwidth=1.2";
  }
  if (presence == Presence::missing) return style + ", style=dashed, arrowhead=empty";
  if (presence == Presence::extra) return style + ", style=bold, arrowhead=vee";
  return style + (is_silent ? ", style=dotted" : ", style=solid");
}

std::string node_text(std::size_t number, const DrawnNode& node) {
  std::string text =
      "  n" + std::to_string(number) + " [label=" + shown(node.label) + ", color=\"" + colour_of(node.presence) + "\"";
  std::string style = node.presence == Presence::missing ? "rounded,filled,dashed" : "rounded,filled";
  text += ", style=\"" + style + "\", fillcolor=\"" + (node.is_on_run ? kYellow : "#FFFFFF") + "\"";
  text += node.presence == Presence::extra ? ", penwidth=2.4];\n" : "];\n";
  if (node.is_initial) {
    const std::string start = "start" + std::to_string(number);
    text +=
        "  " + start + " [shape=point, width=0.12, label=\"\"];\n  " + start + " -> n" + std::to_string(number) + ";\n";
  }
  if (node.undrawn > 0) {
    const std::string rest = "rest" + std::to_string(number);
    text += "  " + rest + " [shape=plaintext, fontcolor=\"" + kGrey +
            "\", label=" + shown("… " + plural(node.undrawn, "transition")) + "];\n  n" + std::to_string(number) +
            " -> " + rest + " [color=\"" + kGrey + "\", style=dotted, arrowhead=none];\n";
  }
  return text;
}

// One node that holds a table, as lines of text in the colours and styles of the edges.
std::string legend(const Drawing& drawing) {
  std::string rows;
  const auto add = [&](const char* sample, const char* colour, const char* background, const char* meaning) {
    rows += std::string("<TR><TD ALIGN=\"LEFT\" BGCOLOR=\"") + background + "\"><FONT COLOR=\"" + colour + "\">" +
            sample + "</FONT></TD><TD ALIGN=\"LEFT\">" + meaning + "</TD></TR>";
  };
  const bool has_silent =
      std::any_of(drawing.edges.begin(), drawing.edges.end(), [](const DrawnEdge& edge) { return edge.is_silent; });
  if (drawing.is_comparison) {
    add("———▶", kBlack, "#FFFFFF", "in both");
    add("− – – ▷", kBlue, "#FFFFFF", "only in the specification: missing");
    add("<B>+ ━━━▶</B>", kVermillion, "#FFFFFF", "only in the implementation: extra");
  }
  if (has_silent) add("·······▶", kBlack, "#FFFFFF", "silent step");
  if (drawing.has_run) add("(1) (2) …", kBlack, kYellow, "the run that shows the difference");
  if (rows.empty()) return rows;
  return "  legend [shape=none, margin=0, fontsize=10, label=<<TABLE BORDER=\"1\" COLOR=\"#BBBBBB\" CELLBORDER=\"0\" "
         "CELLSPACING=\"2\" CELLPADDING=\"1\">" +
         rows + "</TABLE>>];\n";
}

}  // namespace

void fold_mealy_steps(Drawing& drawing) {
  const std::size_t count = drawing.nodes.size();
  std::vector<std::vector<std::size_t>> in(count);
  std::vector<std::vector<std::size_t>> out(count);
  for (std::size_t i = 0; i < drawing.edges.size(); ++i) {
    out[drawing.edges[i].from].push_back(i);
    in[drawing.edges[i].to].push_back(i);
  }
  std::vector<bool> gone(drawing.edges.size());
  std::vector<bool> folded(count);
  for (std::size_t node = 0; node < count; ++node) {
    if (in[node].size() != 1 || out[node].size() != 1) continue;
    DrawnEdge& input = drawing.edges[in[node][0]];
    DrawnEdge& output = drawing.edges[out[node][0]];
    const bool is_pair = input.labels[0].starts_with("?") && output.labels[0].starts_with("!") &&
                         input.presence == output.presence && (input.run_step > 0) == (output.run_step > 0);
    const DrawnNode& between = drawing.nodes[node];
    if (!is_pair || between.is_initial || between.undrawn > 0 || output.to == node) continue;
    output.labels[0] = input.labels[0].substr(1) + " / " + output.labels[0].substr(1);
    output.from = input.from;
    output.run_step = input.run_step;
    out[input.from].push_back(out[node][0]);
    gone[in[node][0]] = true;
    folded[node] = true;
  }
  std::vector<std::uint32_t> number(count);
  std::vector<DrawnNode> nodes;
  for (std::size_t node = 0; node < count; ++node) {
    number[node] = static_cast<std::uint32_t>(nodes.size());
    if (!folded[node]) nodes.push_back(std::move(drawing.nodes[node]));
  }
  std::size_t at = 0;
  std::erase_if(drawing.edges, [&](const DrawnEdge&) { return gone[at++]; });
  for (DrawnEdge& edge : drawing.edges) {
    edge.from = number[edge.from];
    edge.to = number[edge.to];
  }
  drawing.nodes = std::move(nodes);
}

void join_parallel_edges(Drawing& drawing) {
  std::map<std::tuple<std::uint32_t, std::uint32_t, Presence, std::uint32_t, bool>, std::size_t> places;
  std::vector<DrawnEdge> joined;
  for (DrawnEdge& edge : drawing.edges) {
    const auto [found, is_new] =
        places.try_emplace({edge.from, edge.to, edge.presence, edge.run_step, edge.is_silent}, joined.size());
    if (is_new) {
      joined.push_back(std::move(edge));
    } else {
      auto& labels = joined[found->second].labels;
      labels.insert(labels.end(), edge.labels.begin(), edge.labels.end());
    }
  }
  drawing.edges = std::move(joined);
}

std::string drawing_dot(const Drawing& drawing) {
  std::string title = drawing.title;
  for (const std::string& note : drawing.notes) title += "\n" + wrapped(note);
  std::string text =
      "digraph drawing {\n  graph [labelloc=t, labeljust=l, fontname=\"Helvetica\", fontsize=13, rankdir=LR, "
      "nodesep=0.35, ranksep=0.6, label=" +
      shown(title + "\n", "\\l") +
      "];\n  node [shape=box, fontname=\"Helvetica\", fontsize=12, margin=\"0.12,0.06\", height=0.3];\n"
      "  edge [fontname=\"Helvetica\", fontsize=11];\n";
  for (std::size_t i = 0; i < drawing.nodes.size(); ++i) text += node_text(i, drawing.nodes[i]);
  for (const DrawnEdge& edge : drawing.edges) {
    text += "  n" + std::to_string(edge.from) + " -> n" + std::to_string(edge.to) +
            " [label=" + shown(label_of(edge), "\\l") + ", " +
            edge_style(edge.presence, edge.run_step > 0, edge.is_silent) + "];\n";
  }
  return text + legend(drawing) + "}\n";
}

}  // namespace spex::ctl
