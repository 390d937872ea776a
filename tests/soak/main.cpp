// spex-soak: `run` torments a real cluster under load and writes down what
// happened; `check` judges such a history, also of a run that was killed. `run`
// checks at its end. Used by scripts/soak and by tests; not installed.
#include <filesystem>
#include <iostream>
#include <random>

#include "config/command_line.h"
#include "soak/nemesis.h"
#include "soak/picture.h"

namespace spex::soak {
namespace {

using config::CommandLine;

constexpr int kFine = 0;
constexpr int kViolated = 1;
constexpr int kUsage = 2;
constexpr int kFailed = 3;  // the cluster did not start, stop or come back

const std::vector<config::Option>& options() {
  static const std::vector<config::Option> list{
      {"dir", "DIR", "where the run's data, history.log, result.json and picture.svg go"},
      {"programs", "DIR", "the folder of spexd and the other programs (default: beside this one)"},
      {"clock-shim", "FILE", "the library that steps the clock"},
      {"seconds", "N", "how long faults are made (default 20)"},
      {"seed", "S", "of all random choices (default: drawn)"},
      {"shards", "N", "distribution factor (default 4)"},
      {"faults-per-second", "X", "on average (default 3)"},
      {"rate", "X", "operations per second that are asked for (default 3000)"},
      {"clients", "N", "default 6"},
      {"durability", "MODE", "full or process (default process)"},
      {"only-kills", "", "no faults but SIGKILL of shards and router"},
      {"quiet", "", "no progress"},
      {"help", "", "show this text"}};
  return list;
}

double number_of(const CommandLine& line, std::string_view name, double fallback) {
  const auto value = line.value(name);
  return value ? std::strtod(value->c_str(), nullptr) : fallback;
}

int report(const std::string& dir, const History& history) {
  const Report verdict = check(history);
  test::write_whole_file(dir + "/result.json", to_json(verdict));
  test::write_whole_file(dir + "/picture.svg", draw(history, verdict));
  std::cout << summary(verdict) << "history, result and picture: " << dir << "/{history.log,result.json,picture.svg}\n";
  return verdict.fine() ? kFine : kViolated;
}

int check_only(const std::string& dir) {
  const auto history = read_history(dir + "/history.log");
  if (history) return report(dir, *history);
  std::cerr << "spex-soak: " << history.error().message << '\n';
  return kFailed;
}

int fail_run(const std::string& dir, const char* what) {
  std::cerr << "spex-soak: " << what << "; the cluster's log is " << dir << "/log\n";
  return kFailed;
}

int torment(const CommandLine& line, const std::string& dir, std::uint64_t seed) {
  NemesisOptions nemesis_options;
  nemesis_options.dir = dir;
  nemesis_options.programs = line.value("programs").value_or(test::programs_dir());
  nemesis_options.clock_shim = line.value("clock-shim").value_or(SPEX_CLOCK_SHIM);
  nemesis_options.shards = static_cast<unsigned>(number_of(line, "shards", 4));
  nemesis_options.durability = line.value("durability").value_or("process");
  nemesis_options.faults_per_second = number_of(line, "faults-per-second", 3);
  nemesis_options.only_kills = line.has("only-kills");
  nemesis_options.seed = seed;
  Nemesis nemesis(nemesis_options);
  if (!nemesis.start()) return fail_run(dir, "the cluster does not start");
  auto writer = HistoryWriter::create(dir + "/history.log", seed);
  if (!writer) return fail_run(dir, writer.error().message.c_str());
  LoadOptions load_options;
  load_options.endpoint = nemesis.endpoint();
  load_options.clients = static_cast<unsigned>(number_of(line, "clients", 6));
  load_options.operations_per_second = number_of(line, "rate", 3'000);
  load_options.seed = seed;
  Load load(load_options, *writer);
  load.start();
  const auto begin = std::chrono::steady_clock::now();
  const auto length = std::chrono::milliseconds(static_cast<std::int64_t>(1e3 * number_of(line, "seconds", 20)));
  auto next_line = begin + std::chrono::seconds(10);
  nemesis.torment(load, *writer, begin + length, [&](std::size_t faults) {
    if (std::chrono::steady_clock::now() < next_line) return;
    next_line += std::chrono::seconds(10);
    writer->flush();
    if (line.has("quiet")) return;
    std::cout << load.now() / 1'000'000 << " s: " << load.acknowledged() << " acknowledged, " << faults << " faults"
              << std::endl;
  });
  if (!nemesis.calm()) return fail_run(dir, "the cluster is not whole again after the last fault");
  load.finish();
  // What is read at the end comes from what the files hold.
  if (!nemesis.crash_and_recover(load, *writer)) return fail_run(dir, "the cluster does not come back");
  load.read_everything();
  writer->flush();
  if (nemesis.stop() != 0) return fail_run(dir, "the cluster does not end cleanly");
  return kFine;
}

int run(int argc, char** argv) {
  const auto line = config::parse_command_line(options(), {argv + 1, argv + argc});
  const bool is_check = line && line->words == std::vector<std::string>{"check"};
  const bool is_run = line && line->words == std::vector<std::string>{"run"};
  if (!line || line->has("help") || !(is_check || is_run) || !line->value("dir")) {
    if (!line) std::cerr << "spex-soak: " << line.error().message << '\n';
    std::cout << "spex-soak run|check --dir DIR [OPTIONS]\n" << config::describe_options(options());
    return line && line->has("help") ? kFine : kUsage;
  }
  const std::string dir = std::filesystem::absolute(*line->value("dir"));
  if (is_check) return check_only(dir);
  std::filesystem::create_directories(dir);
  const std::uint64_t seed = line->value("seed") ? std::strtoull(line->value("seed")->c_str(), nullptr, 10)
                                                 : std::random_device{}() % 1'000'000;
  if (!line->has("quiet")) std::cout << "seed " << seed << std::endl;
  const int made = torment(*line, dir, seed);
  return made == kFine ? check_only(dir) : made;
}

}  // namespace
}  // namespace spex::soak

int main(int argc, char** argv) { return spex::soak::run(argc, argv); }
