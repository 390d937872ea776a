#include "conformance/model_directory.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "tests/support/temp_dir.h"

namespace spex::conformance {
namespace {

using test::TempDir;

void put(const TempDir& directory, const std::string& name, const std::string& content) {
  std::ofstream(directory.file(name)) << content;
}

std::string model(const std::string& name) {
  return "Specification: " + name + "\nLearning mode: false\nTransitions:\nnil --[__initialisation__]-> a\n";
}

TEST_CASE("good models are loaded beside bad ones, which are named", "[directory]") {
  const TempDir directory;
  put(directory, "b.spex", model("two"));
  put(directory, "a.spex", model("one"));
  put(directory, "bad.spex", "Specification: bad\nLearning mode: maybe\nTransitions:\n");
  put(directory, "a.spex.before-2026-11-23T09:30:00Z", model("one"));
  put(directory, "notes.txt", "hello");
  const auto loaded = load_models(directory.path());
  REQUIRE(loaded.files.size() == 2);
  CHECK(loaded.files[0].model.specification == "one");
  CHECK(loaded.files[1].path == directory.file("b.spex"));
  REQUIRE(loaded.problems.size() == 1);
  CHECK(loaded.problems[0].file == directory.file("bad.spex"));
  CHECK(loaded.problems[0].line == 2);
}

TEST_CASE("two files for one specification are both refused by name", "[directory]") {
  const TempDir directory;
  put(directory, "a.spex", model("same"));
  put(directory, "b.spex", model("same"));
  put(directory, "c.spex", model("other"));
  const auto loaded = load_models(directory.path());
  REQUIRE(loaded.files.size() == 1);
  CHECK(loaded.files[0].model.specification == "other");
  REQUIRE(loaded.problems.size() == 2);
  for (const TextProblem& problem : loaded.problems) {
    CHECK_THAT(problem.reason, Catch::Contains("a.spex, b.spex") && Catch::Contains("'same'"));
  }
}

TEST_CASE("specifications are loaded with their text", "[directory]") {
  const TempDir directory;
  const std::string text = "# mine\nSpecification: s\nTransitions:\na --[x]-> b\n";
  put(directory, "s.spec", text);
  put(directory, "s.spex", model("s"));
  const auto loaded = load_specifications(directory.path());
  CHECK(loaded.problems.empty());
  REQUIRE(loaded.files.size() == 1);
  CHECK(loaded.files[0].text == text);
  CHECK(loaded.files[0].specification.name() == "s");
}

TEST_CASE("a missing directory is empty, a file in its place is a problem", "[directory]") {
  const TempDir directory;
  CHECK(load_models(directory.file("none")).problems.empty());
  put(directory, "file", "");
  CHECK(load_models(directory.file("file")).problems.size() == 1);
}

TEST_CASE("a directory or a pipe named like a model is a problem and blocks nothing", "[directory]") {
  const TempDir directory;
  std::filesystem::create_directory(directory.file("d.spex"));
  REQUIRE(::mkfifo(directory.file("p.spex").c_str(), 0600) == 0);
  const auto loaded = load_models(directory.path());
  CHECK(loaded.files.empty());
  CHECK(loaded.problems.size() == 2);
}

TEST_CASE("the content hash changes with the content", "[directory]") {
  CHECK(content_hash("a") != content_hash("b"));
  CHECK(content_hash("a") == content_hash("a"));
  CHECK(content_hash("").size() == 32);
}

TEST_CASE("a file is replaced whole and nothing is left beside it", "[directory]") {
  const TempDir directory;
  const std::string path = directory.file("new/s.spec");
  REQUIRE(write_file_atomically(path, "one").ok());
  REQUIRE(write_file_atomically(path, "two").ok());
  const auto read = read_file(path);
  REQUIRE(read.ok());
  CHECK(*read == "two");
  CHECK(std::distance(std::filesystem::directory_iterator(directory.file("new")), {}) == 1);
  CHECK_FALSE(write_file_atomically(directory.file("none/deeper/s.spec"), "x").ok());
}

TEST_CASE("a file past the limit is refused", "[directory]") {
  const TempDir directory;
  put(directory, "big", "12345");
  CHECK(read_file(directory.file("big"), 5).ok());
  const auto read = read_file(directory.file("big"), 4);
  REQUIRE_FALSE(read.ok());
  CHECK(read.error().reason == base::Reason::too_large);
}

}  // namespace
}  // namespace spex::conformance
