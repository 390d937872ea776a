// The soak, short: the cluster as it is comes through; each of three workers
// that are wrong on purpose is found out. The long one is scripts/soak.
#include <catch2/catch.hpp>
#include <filesystem>

#include "support/program.h"
#include "support/temp_dir.h"

namespace spex::test {
namespace {

Finished soak(const std::string& dir, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {SPEX_SOAK, "run", "--quiet", "--dir", dir});
  RunOptions options;
  options.deadline = std::chrono::seconds(200);
  return run_program(arguments, options);
}

// A folder with the programs as shipped, but for the worker.
void plant(const std::string& bug, const std::string& folder) {
  std::filesystem::create_directory(folder);
  for (const char* name : {"spexd", "spex-router", "spexctl"})
    std::filesystem::create_hard_link(std::filesystem::canonical(program_path(name)), folder + "/" + name);
  std::filesystem::create_symlink(SPEX_PLANTED_DIR "/planted-" + bug, folder + "/spex-shard-worker");
}

TEST_CASE("a short soak under faults of all kinds loses nothing, doubles nothing, and keeps the order", "[soak]") {
  const TempDir dir;
  const Finished finished = soak(dir.path(), {"--seconds", "12", "--seed", "4711", "--rate", "1500"});
  INFO(finished.out << finished.err);
  REQUIRE(finished.exit_code == 0);
  CHECK(finished.out.find("lost 0, doubled 0, out of order 0, other violations 0") != std::string::npos);
  CHECK(read_whole_file(dir.file("picture.svg")).find("</svg>") != std::string::npos);
  const std::string result = read_whole_file(dir.file("result.json"));
  CHECK(result.find("\"kill shard\":") != std::string::npos);
}

TEST_CASE("a planted bug is found, with the seed and a smallest history", "[soak]") {
  const std::string bug = GENERATE("reply_before_commit", "lost_keys", "skipped_replay");
  const TempDir dir;
  plant(bug, dir.file("bin"));
  const Finished finished = soak(dir.file("run"), {"--seconds", "5", "--seed", "4711", "--rate", "1500", "--only-kills",
                                                   "--faults-per-second", "4", "--programs", dir.file("bin")});
  INFO(bug << '\n' << finished.out << finished.err);
  REQUIRE(finished.exit_code == 1);
  CHECK(finished.out.find("VIOLATION") != std::string::npos);
  CHECK(finished.out.find("seed 4711") != std::string::npos);
  const bool lost = finished.out.find("VIOLATION (lost)") != std::string::npos;
  const bool doubled = finished.out.find("VIOLATION (doubled)") != std::string::npos;
  CHECK((bug == "lost_keys" ? doubled : lost));
}

}  // namespace
}  // namespace spex::test
