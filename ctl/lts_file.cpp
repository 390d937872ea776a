#include "ctl/lts_file.h"

#include <algorithm>
#include <utility>

#include "conformance/conformance_check.h"
#include "conformance/model_directory.h"
#include "conformance/model_text.h"
#include "conformance/names.h"
#include "conformance/specification_text.h"
#include "ctl/output.h"
#include "lts/aut_format.h"
#include "lts/dot_format.h"
#include "lts/lts_builder.h"

namespace spex::ctl {
namespace {

using base::Result;

constexpr std::string_view kGzipEnding = ".gz";
// Enough to see what a text begins with, after a comment or two.
constexpr std::size_t kBeginBytes = 4096;

// "FILE:LINE: why" of what the readers of lts/ ("read FILE line N: why") and of conformance/ say.
base::Error readable(const base::Error& error, const std::string& path) {
  std::string line;
  for (const auto& [key, value] : error.context) {
    if (key == "line") line = value;
  }
  std::string text = error.message;
  const std::string head = "read " + path + " line " + line + ": ";
  if (!line.empty() && text.starts_with(head)) {
    text = path;
    text.append(":").append(line).append(": ").append(error.message, head.size());
  }
  return base::fail(base::Reason::malformed, std::move(text)).with("line", line);
}

// What a text begins with; nothing if it is none of the formats.
std::optional<LtsFormat> format_of_text(std::string_view begin) {
  if (begin.starts_with("\xEF\xBB\xBF")) begin.remove_prefix(3);
  while (!begin.empty()) {
    const std::size_t line_end = std::min(begin.find('\n'), begin.size());
    std::string_view line = begin.substr(0, line_end);
    begin.remove_prefix(std::min(line_end + 1, begin.size()));
    line.remove_prefix(std::min(line.find_first_not_of(" \t\r\v\f"), line.size()));
    if (line.empty() || line.starts_with("#")) continue;
    if (line.starts_with("Specification:")) {
      return begin.starts_with("Learning mode:") ? LtsFormat::spex : LtsFormat::spec;
    }
    if (line.starts_with("des")) return LtsFormat::aut;
    for (const std::string_view word : {"digraph", "graph", "strict", "//", "/*"}) {
      if (line.starts_with(word)) return LtsFormat::dot;
    }
    return std::nullopt;
  }
  return std::nullopt;
}

Result<LtsFormat> recognise(lts::ByteSource& source, const std::string& path) {
  if (const auto format = format_of_ending(path)) return *format;
  SPEX_TRY_ASSIGN(const std::string_view begin, source.peek(kBeginBytes));
  if (const auto format = format_of_text(begin)) return *format;
  return base::fail(base::Reason::malformed,
                    source.name() + ": no .aut, DOT, .spec or .spex file, by its name or by its first line");
}

lts::Lts no_lts() { return lts::LtsBuilder().build(); }

Result<LtsFile> read_named(lts::ByteSource& source, LtsFormat format) {
  SPEX_TRY_ASSIGN(const std::string text, lts::read_all(source, conformance::kTextFileBytesMax));
  if (format == LtsFormat::spec) {
    SPEX_TRY_ASSIGN(const auto specification, conformance::read_specification_text(text, source.name()));
    return LtsFile{source.name(), format, conformance::to_lts(specification), specification.name(), {}};
  }
  SPEX_TRY_ASSIGN(const auto model, conformance::read_model_text(text, source.name()));
  auto system = conformance::to_lts(model.transitions);
  if (!system.ok()) return LtsFile{source.name(), format, no_lts(), model.specification, system.error().message};
  return LtsFile{source.name(), format, std::move(system).value(), model.specification, {}};
}

Result<LtsFile> read_source(lts::ByteSource& source, const std::string& path,
                            const std::vector<std::string>& tau_names) {
  SPEX_TRY_ASSIGN(const LtsFormat format, recognise(source, path));
  if (format == LtsFormat::aut) {
    SPEX_TRY_ASSIGN(auto system, lts::read_aut(source, {tau_names}));
    return LtsFile{source.name(), format, std::move(system), {}, {}};
  }
  if (format == LtsFormat::dot) {
    SPEX_TRY_ASSIGN(auto system, lts::read_dot(source, {tau_names}));
    return LtsFile{source.name(), format, std::move(system), {}, {}};
  }
  return read_named(source, format);
}

// The transitions with names, as text files have them.
Result<std::vector<conformance::NamedTransition>> named_transitions(const lts::Lts& lts) {
  std::vector<conformance::NamedTransition> transitions;
  transitions.reserve(lts.transition_count());
  for (lts::StateId state = 0; state < lts.state_count(); ++state) {
    const std::string from = lts.state_name(state);
    for (const lts::Transition& step : lts.outgoing(state)) {
      const std::string action(step.action == lts::kTau ? conformance::kInternalAction : lts.action_name(step.action));
      if (step.action != lts::kTau && action == conformance::kInternalAction) {
        return base::fail(base::Reason::invalid_argument,
                          "the visible action " + action + " has the name of the internal one in this format");
      }
      transitions.push_back({from, action, lts.state_name(step.target)});
    }
  }
  return transitions;
}

Result<void> check_names(const std::vector<conformance::NamedTransition>& transitions) {
  const auto check = [](const char* what, const std::string& name) -> Result<void> {
    const std::string_view why = conformance::name_problem(name);
    if (why.empty()) return {};
    return base::fail(base::Reason::invalid_argument,
                      std::string(what) + " " + conformance::quoted(name) + " " + std::string(why));
  };
  for (const auto& transition : transitions) {
    if (!transition.is_initialisation()) SPEX_TRY(check("state", transition.from));
    SPEX_TRY(check("action", transition.action));
    SPEX_TRY(check("state", transition.to));
  }
  return {};
}

Result<std::string> write_spec(const lts::Lts& lts, const std::string& name) {
  SPEX_TRY_ASSIGN(auto transitions, named_transitions(lts));
  SPEX_TRY_ASSIGN(const auto specification,
                  conformance::Specification::make(name, lts.state_name(lts.initial_state()), std::move(transitions)));
  return conformance::write_specification_text(specification);
}

Result<std::string> write_spex(const lts::Lts& lts, const std::string& name) {
  const std::string_view why = conformance::specification_name_problem(name);
  if (!why.empty()) {
    return base::fail(base::Reason::invalid_argument,
                      "specification name " + conformance::quoted(name) + " " + std::string(why));
  }
  conformance::ModelText model{name, false, {}};
  SPEX_TRY_ASSIGN(model.transitions, named_transitions(lts));
  model.transitions.push_back(
      {"", std::string(conformance::kInitialisationAction), lts.state_name(lts.initial_state())});
  SPEX_TRY(check_names(model.transitions));
  return conformance::write_model_text(model);
}

Result<std::string> write_named(const lts::Lts& lts, LtsFormat format, const std::string& name) {
  auto text = format == LtsFormat::spec ? write_spec(lts, name) : write_spex(lts, name);
  if (text.ok()) return text;
  return base::fail(base::Reason::invalid_argument,
                    "write ." + std::string(format_name(format)) + ": " + text.error().message);
}

}  // namespace

std::string_view format_name(LtsFormat format) {
  switch (format) {
    case LtsFormat::aut:
      return "aut";
    case LtsFormat::dot:
      return "dot";
    case LtsFormat::spec:
      return "spec";
    case LtsFormat::spex:
      return "spex";
  }
  return "";
}

std::optional<LtsFormat> format_of_ending(std::string_view path) {
  if (path.ends_with(kGzipEnding)) path.remove_suffix(kGzipEnding.size());
  for (const LtsFormat format : {LtsFormat::aut, LtsFormat::dot, LtsFormat::spec, LtsFormat::spex}) {
    if (path.ends_with("." + std::string(format_name(format)))) return format;
  }
  if (path.ends_with(".gv")) return LtsFormat::dot;
  return std::nullopt;
}

Result<LtsFile> load_lts(const std::string& path, const std::vector<std::string>& tau_names) {
  auto source = lts::ByteSource::open(path);
  if (!source.ok()) return readable(source.error(), path);
  auto file = read_source(*source, path, tau_names);
  if (!file.ok()) return readable(file.error(), source->name());
  return file;
}

Result<LtsFile> load_one_lts(const std::string& path, const std::vector<std::string>& tau_names) {
  SPEX_TRY_ASSIGN(auto file, load_lts(path, tau_names));
  if (file.not_one_initial.empty()) return file;
  return base::fail(base::Reason::malformed, file.path + ": " + file.not_one_initial);
}

Result<std::string> write_lts(const lts::Lts& lts, LtsFormat format, const std::string& tau_name,
                              const std::string& name) {
  switch (format) {
    case LtsFormat::aut:
      return lts::format_aut(lts, tau_name);
    case LtsFormat::dot:
      return lts::format_dot(lts, tau_name);
    case LtsFormat::spec:
    case LtsFormat::spex:
      return write_named(lts, format, name);
  }
  return std::string();
}

Result<void> put_text(const std::string& path, std::string_view text) {
  if (!path.empty() && path != "-") return conformance::write_file_atomically(path, text);
  print(text);
  return {};
}

Result<Written> written_option(const Invocation& invocation, const LtsFile& read) {
  Written written{invocation.value_or("output", ""), read.format, {}};
  const auto wanted = invocation.line.value("to");
  const auto by_ending = format_of_ending(written.path);
  if (!written.is_standard_output() && written.path.ends_with(kGzipEnding)) {
    return base::fail(base::Reason::invalid_argument,
                      "-o " + written.path + ": compressed files are read, not written");
  }
  if (wanted) {
    const auto format = format_of_ending("." + *wanted);
    if (!format) {
      return base::fail(base::Reason::invalid_argument, "--to: '" + *wanted + "' is none of aut, dot, spec, spex");
    }
    written.format = *format;
  } else if (by_ending) {
    written.format = *by_ending;
  } else if (!written.is_standard_output()) {
    return base::fail(base::Reason::invalid_argument,
                      "-o " + written.path + ": the ending names no format; give --to aut, dot, spec or spex");
  }
  const std::string otherwise = read.specification.empty() ? stem_of(read.path) : read.specification;
  written.name = invocation.value_or("name", otherwise);
  return written;
}

std::vector<config::Option> written_options(std::vector<config::Option> own) {
  own.push_back(
      {.name = "output", .value_name = "FILE", .text = "Where to write (default: standard output).", .letter = 'o'});
  own.push_back({.name = "to",
                 .value_name = "FORMAT",
                 .text = "aut, dot, spec or spex (default: by the ending of -o's FILE, else the format read)."});
  own.push_back({.name = "name",
                 .value_name = "NAME",
                 .text = "The specification's name in .spec and .spex (default: that read, else the file's)."});
  own.push_back(tau_option());
  return own;
}

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string stem_of(const std::string& path) {
  std::string name = base_name(path);
  if (name.ends_with(kGzipEnding)) name.resize(name.size() - kGzipEnding.size());
  if (format_of_ending(name)) name.resize(name.rfind('.'));
  return name;
}

config::Option tau_option() {
  return {.name = "tau",
          .value_name = "NAME",
          .text =
              "A label of .aut and DOT files that means the internal action, in reading and (the first) in "
              "writing; may be repeated (default tau).",
          .repeatable = true};
}

std::vector<std::string> tau_names_of(const Invocation& invocation) {
  auto names = invocation.line.values("tau");
  if (names.empty()) names.emplace_back("tau");
  return names;
}

}  // namespace spex::ctl
