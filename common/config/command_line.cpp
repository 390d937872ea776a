#include "config/command_line.h"

#include <algorithm>
#include <boost/program_options.hpp>
#include <set>

namespace spex::config {
namespace {

namespace po = boost::program_options;
using Words = std::vector<std::string>;

constexpr std::size_t kHelpColumns = 100;
constexpr std::size_t kHelpIndent = 30;

const Option* find_option(const std::vector<Option>& options, std::string_view name) {
  const auto found = std::find_if(options.begin(), options.end(), [&](const Option& o) { return o.name == name; });
  return found == options.end() ? nullptr : &*found;
}

const Option* find_letter(const std::vector<Option>& options, std::string_view word) {
  if (word.size() != 2 || word[0] != '-') return nullptr;
  const auto found = std::find_if(options.begin(), options.end(), [&](const Option& o) { return o.letter == word[1]; });
  return found == options.end() ? nullptr : &*found;
}

// "name" of "--name" and "--name=value".
std::string_view option_in(std::string_view word) { return word.substr(2, word.find('=') - 2); }

bool takes_value(const Option* option) {
  return option != nullptr && (option->is_switch || !option->value_name.empty());
}

// Brings every option to the one form that is left to Boost: long, and a
// switch with its value attached. So `-5`, and the word after a switch, stay words.
base::Result<Words> normalise(const std::vector<Option>& options, const Words& arguments) {
  Words result;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    std::string word = arguments[i];
    if (const Option* lettered = find_letter(options, word)) word = "--" + lettered->name;
    const Option* option = word.starts_with("--") ? find_option(options, word.substr(2)) : nullptr;
    if (option != nullptr && option->is_switch) {
      const bool has_value = i + 1 < arguments.size() && (arguments[i + 1] == "true" || arguments[i + 1] == "false");
      word += "=" + (has_value ? arguments[++i] : "true");
    }
    // Boost would take the next option for the value.
    const bool wants_value = option != nullptr && !option->is_switch && !option->value_name.empty();
    const bool option_follows = i + 1 < arguments.size() && arguments[i + 1].starts_with("--");
    if (wants_value && option_follows && find_option(options, option_in(arguments[i + 1])) != nullptr) {
      return base::fail(base::Reason::invalid_argument, "option --" + option->name + " lacks its value");
    }
    const bool is_empty_value =
        word.starts_with("--") && word.ends_with('=') && takes_value(find_option(options, option_in(word)));
    if (is_empty_value) word.pop_back();  // Boost refuses `--name=` but takes the empty word after it
    result.push_back(std::move(word));
    if (is_empty_value) result.emplace_back();
  }
  return result;
}

po::options_description describe(const std::vector<Option>& options) {
  po::options_description description;
  for (const Option& option : options) {
    if (option.value_name.empty() && !option.is_switch) {
      description.add_options()(option.name.c_str(), "");
    } else {
      description.add_options()(option.name.c_str(), po::value<std::string>(), "");
    }
  }
  return description;
}

base::Result<CommandLine> collect(const std::vector<Option>& options, const po::parsed_options& parsed) {
  CommandLine line;
  std::set<std::string> seen;
  for (const auto& item : parsed.options) {
    if (item.position_key >= 0) {
      line.words.insert(line.words.end(), item.value.begin(), item.value.end());
      continue;
    }
    const Option* option = find_option(options, item.string_key);
    SPEX_ASSERT(option != nullptr);
    if (!seen.insert(item.string_key).second && !option->repeatable) {
      return base::fail(base::Reason::invalid_argument, "option --" + item.string_key + " is given twice");
    }
    line.options.emplace_back(item.string_key, item.value.empty() ? "" : item.value.front());
  }
  return line;
}

std::string help_head(const Option& option) {
  std::string head = option.letter != 0 ? std::string("  -") + option.letter + ", --" : "  --";
  head += option.name;
  if (option.is_switch) return head + "[=true|false]";
  return option.value_name.empty() ? head : head + " " + option.value_name;
}

}  // namespace

bool CommandLine::has(std::string_view name) const { return value(name).has_value(); }

std::optional<std::string> CommandLine::value(std::string_view name) const {
  const auto all = values(name);
  return all.empty() ? std::nullopt : std::optional(all.back());
}

std::vector<std::string> CommandLine::values(std::string_view name) const {
  std::vector<std::string> result;
  for (const auto& [key, value] : options) {
    if (key == name) result.push_back(value);
  }
  return result;
}

base::Result<CommandLine> parse_command_line(const std::vector<Option>& options,
                                             const std::vector<std::string>& arguments) {
  const auto dashes = std::find(arguments.begin(), arguments.end(), "--");
  SPEX_TRY_ASSIGN(const Words before, normalise(options, Words(arguments.begin(), dashes)));
  try {
    const po::options_description description = describe(options);
    using namespace po::command_line_style;
    const auto parsed = po::command_line_parser(before)
                            .options(description)
                            .style(allow_long | long_allow_adjacent | long_allow_next)
                            .run();
    SPEX_TRY_ASSIGN(CommandLine line, collect(options, parsed));
    line.has_rest = dashes != arguments.end();
    if (line.has_rest) line.rest.assign(dashes + 1, arguments.end());
    return line;
  } catch (const std::exception& error) {  // Boost's own; its texts name the option
    return base::fail(base::Reason::invalid_argument, error.what());
  }
}

std::string describe_options(const std::vector<Option>& options) {
  std::string help;
  for (const Option& option : options) {
    if (option.text.empty()) continue;
    std::string line = help_head(option);
    line += line.size() + 2 > kHelpIndent ? "\n" + std::string(kHelpIndent, ' ')
                                          : std::string(kHelpIndent - line.size(), ' ');
    std::size_t column = kHelpIndent;
    for (std::size_t begin = 0; begin < option.text.size();) {
      const std::size_t end = std::min(option.text.find(' ', begin), option.text.size());
      const std::string word = option.text.substr(begin, end - begin);
      if (column > kHelpIndent && column + 1 + word.size() > kHelpColumns) {
        line += "\n" + std::string(kHelpIndent, ' ');
        column = kHelpIndent;
      }
      if (column > kHelpIndent) line += ' ', ++column;
      line += word;
      column += word.size();
      begin = end + 1;
    }
    help += line + "\n";
  }
  return help;
}

}  // namespace spex::config
