#include "process/file_lock.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "support/temp_dir.h"
#include "support/text_file.h"

using namespace spex::process;

TEST_CASE("a lock is held by one and names its holder", "[process]") {
  const spex::test::TempDir dir;
  const std::string path = dir.file("lock");
  CHECK_FALSE(is_locked(path));
  CHECK_FALSE(std::filesystem::exists(path));
  auto first = FileLock::try_acquire(path);
  REQUIRE(first.ok());
  REQUIRE(first->lock);
  CHECK(is_locked(path));
  const auto second = FileLock::try_acquire(path);
  REQUIRE(second.ok());
  CHECK_FALSE(second->lock);
  CHECK(second->holder == ::getpid());
  first->lock.reset();
  CHECK_FALSE(is_locked(path));
  CHECK(FileLock::try_acquire(path)->lock);
}

TEST_CASE("a holder that left no number is not guessed", "[process]") {
  const spex::test::TempDir dir;
  const auto first = FileLock::try_acquire(dir.file("lock"));
  spex::test::write_text(dir.file("lock"), "");
  CHECK(FileLock::try_acquire(dir.file("lock"))->holder == 0);
}

TEST_CASE("a lock file that cannot be opened is an error", "[process]") {
  const spex::test::TempDir dir;
  CHECK_FALSE(FileLock::try_acquire(dir.file("missing/lock")).ok());
  std::filesystem::create_symlink("/etc/passwd", dir.file("link"));
  CHECK_FALSE(FileLock::try_acquire(dir.file("link")).ok());  // never follows a link out of the directory
}
