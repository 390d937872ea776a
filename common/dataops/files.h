// Files: what the data operations do to the file system, each change of it a step
// that a test can stop at. Everything is synced that must survive a loss of power;
// nothing here knows what the files contain.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace spex::dataops {

// Called before every change of the file system; tests end the process there.
void set_step_hook(std::function<void(std::string_view what)> hook);
void step(std::string_view what);

bool exists(const std::string& path);
// Whether nothing is there, or an empty directory.
bool is_free(const std::string& path);
// Names of what is in a directory, sorted; storage_open if it cannot be read.
base::Result<std::vector<std::string>> list(const std::string& directory);
std::string parent_of(const std::string& path);  // "." if there is none
std::string absolute(const std::string& path);

base::Result<void> make_directory(const std::string& path);  // mode 0700; fails if it exists
base::Result<void> rename_path(const std::string& from, const std::string& to);
base::Result<void> link_file(const std::string& from, const std::string& to);  // a second name
base::Result<void> remove_file(const std::string& path);                       // ok if it is not there
base::Result<void> remove_tree(const std::string& path);                       // ok if it is not there
base::Result<void> sync_file(const std::string& path);
base::Result<void> sync_directory(const std::string& path);
// Replaces the file in one step, synced.
base::Result<void> write_file(const std::string& path, std::string_view content);
// storage_open if it is not there, too_large past `bytes_max`.
base::Result<std::string> read_file(const std::string& path, std::size_t bytes_max);

struct FileFacts {
  std::uint64_t bytes = 0;
  std::string sha256;  // 64 hex digits
};
// What is copied at most in a second; 0: no bound.
struct Rate {
  std::uint64_t bytes_per_second = 0;
};
// Waits as long as `bytes` more take at this rate; nothing at a rate of 0.
void pace(Rate rate, std::uint64_t bytes);
base::Result<FileFacts> measure(const std::string& path);
// `to` must not exist; it is synced. The facts are those of what was read.
base::Result<FileFacts> copy_file(const std::string& from, const std::string& to, Rate rate = {});
// By renaming, or by copying and removing if it is on another file system; synced.
base::Result<void> move_file(const std::string& from, const std::string& to);

}  // namespace spex::dataops
