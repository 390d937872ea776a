#include "shard_worker/change_decision.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "base/unique_fd.h"
#include "conformance/model_directory.h"

namespace spex::shard_worker {
namespace {

constexpr std::string_view kProposal = "proposal-";  // then the process

std::string decisions_in(const std::string& data_dir) { return data_dir + "/model_changes"; }

// Of no living process but perhaps this one, which has none now.
bool is_left_behind(const std::string& name) {
  if (!name.starts_with(kProposal)) return false;
  const pid_t process = std::atoi(name.c_str() + kProposal.size());
  return process <= 0 || process == ::getpid() || (::kill(process, 0) != 0 && errno == ESRCH);
}

}  // namespace

using base::Result;

ChangeDecision::ChangeDecision(const std::string& data_dir, std::string_view subject, std::uint64_t number)
    : directory_(decisions_in(data_dir)), prefix_(conformance::content_hash(subject) + ".") {
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(number));
  name_ = prefix_ + text.data();
}

Result<std::optional<std::string>> ChangeDecision::read() const {
  const std::string path = directory_ + "/" + name_;
  if (::access(path.c_str(), F_OK) != 0 && errno == ENOENT) return std::optional<std::string>();
  SPEX_TRY_ASSIGN(std::string text, conformance::read_file(path));
  return std::optional(std::move(text));
}

Result<std::string> ChangeDecision::settle(std::string_view proposal) const {
  SPEX_TRY_ASSIGN(auto earlier, read());
  if (earlier) return std::move(*earlier);
  // Whole and synced under a name of this process before it can be found.
  const std::string temporary = directory_ + "/" + std::string(kProposal) + std::to_string(::getpid());
  SPEX_TRY(conformance::write_file_atomically(temporary, proposal));
  const int linked = ::link(temporary.c_str(), (directory_ + "/" + name_).c_str());
  const int number = errno;
  ::unlink(temporary.c_str());
  if (linked != 0 && number != EEXIST) return base::system_error("settle a change in " + directory_, number);
  const base::UniqueFd folder(::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || ::fsync(folder.get()) != 0) return base::system_error("sync " + directory_, errno);
  if (linked == 0) return std::string(proposal);
  SPEX_TRY_ASSIGN(auto settled, read());
  if (settled) return std::move(*settled);
  return base::fail(base::Reason::storage_io, "settle a change in " + directory_ + ": the decision vanished");
}

void ChangeDecision::forget_earlier() const {
  std::error_code error;
  for (std::filesystem::directory_iterator entry(directory_, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    // What cannot be removed now is removed after the next change.
    if (name.starts_with(prefix_) && name != name_) ::unlink(entry->path().c_str());
  }
}

void ChangeDecision::sweep(const std::string& data_dir) {
  std::error_code error;
  for (std::filesystem::directory_iterator entry(decisions_in(data_dir), error), end; !error && entry != end;
       entry.increment(error)) {
    if (is_left_behind(entry->path().filename().string())) ::unlink(entry->path().c_str());
  }
}

}  // namespace spex::shard_worker
