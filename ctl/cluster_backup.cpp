#include "ctl/cluster_backup.h"

#include <poll.h>
#include <unistd.h>

#include <vector>

#include "ctl/cluster_access.h"
#include "ctl/documents.h"
#include "dataops/data_directory.h"
#include "protocol/json.h"

namespace spex::ctl {
namespace {

using base::fail;
using base::Reason;
using base::Result;
using protocol::Value;

constexpr int kLookAgainMs = 50;
constexpr auto kAnswerPatience = std::chrono::seconds(10);

class Follower {
 public:
  Follower(const Invocation& invocation, const ClusterBackup& order) : invocation_(invocation), order_(order) {}

  Result<dataops::Manifest> run() {
    SPEX_TRY_ASSIGN(const Value first, status());
    SPEX_TRY(find_data(first));
    SPEX_TRY_ASSIGN(auto target, dataops::BackupTarget::create(order_.directory));
    auto copied = copy_all(target);
    if (copied) {
      auto finished = target.finish(layout_, base::SystemClock().wall(), order_.on_progress);
      if (finished) return finished;
      copied = std::move(finished).error();
    }
    target.abandon();
    return std::move(copied).error();
  }

 private:
  Result<Value> status() {
    SPEX_TRY_ASSIGN(const std::string text, ask_supervisor(invocation_, "status", kAnswerPatience));
    return protocol::parse_json(text);
  }

  Result<void> find_data(const Value& document) {
    const Value* cluster = document.find("cluster");
    data_dir_ = cluster == nullptr ? "" : member_text(*cluster, "data_dir");
    if (!dataops::exists(config::layout_path(data_dir_))) {
      return fail(Reason::invalid_argument, "there is no data directory '" + data_dir_ +
                                                "' here: run this on the cluster's host, with its rights");
    }
    SPEX_TRY_ASSIGN(layout_, config::load_layout(data_dir_));
    taken_.assign(std::size_t{layout_.distribution_factor} + 1, false);
    return {};
  }

  Result<void> copy_all(const dataops::BackupTarget& target) {
    base::MonotonicTime deadline = base::SystemClock().monotonic() + order_.patience;
    std::uint64_t progress = 0;
    while (left_() > 0) {
      SPEX_TRY_ASSIGN(const Value document, status());
      std::uint64_t now = 0;
      for (const Value& child : member_array(document, "children")) {
        if (member_text(child, "kind") == "shard") SPEX_TRY(look_at(child, target, now));
      }
      if (now != progress) deadline = base::SystemClock().monotonic() + order_.patience;
      progress = now;
      if (base::SystemClock().monotonic() >= deadline) {
        return fail(Reason::deadline_exceeded, "no shard has copied anything for a while; see `spexctl status`");
      }
      if (left_() > 0) ::poll(nullptr, 0, kLookAgainMs);
    }
    return {};
  }

  std::size_t left_() const {
    std::size_t left = 0;
    for (std::size_t shard = 1; shard < taken_.size(); ++shard) left += taken_[shard] ? 0 : 1;
    return left;
  }

  // What the shard says of its copy, and what follows. `progress` becomes another number with every page.
  Result<void> look_at(const Value& child, const dataops::BackupTarget& target, std::uint64_t& progress) {
    SPEX_TRY_ASSIGN(const std::uint64_t shard, parse_number(member_text(child, "id").substr(6), "shard"));
    if (shard == 0 || shard >= taken_.size()) return fail(Reason::storage_io, "the number of shards has changed");
    progress += (taken_[shard] ? 1u : 0u) + static_cast<std::uint64_t>(member_integer(child, "incarnation"));
    if (taken_[shard]) return {};
    const Value* stats = child.find("stats");
    const Value* backup = stats == nullptr ? nullptr : stats->find("backup");
    const bool ours = backup != nullptr && member_text(*backup, "token") == token_;
    const std::string state = ours ? member_text(*backup, "state") : "";
    const auto number = static_cast<std::uint32_t>(shard);
    const std::string copy = dataops::DataDirectory::copy_file(data_dir_, number);
    if (state == "failed")
      return fail(Reason::storage_io, "shard " + std::to_string(shard) + ": " + member_text(*backup, "error"));
    if (state == "done" && dataops::exists(copy)) {
      SPEX_TRY(dataops::move_file(copy, target.shard_file(number)));
      SPEX_TRY(target.copy_decisions(data_dir_));
      taken_[shard] = true;
      if (order_.on_progress) order_.on_progress("shard " + std::to_string(shard) + ": copied");
      return {};
    }
    if (state == "running") {
      progress += static_cast<std::uint64_t>(member_integer(*backup, "pages") - member_integer(*backup, "pages_left"));
      return {};
    }
    return member_text(child, "phase") == "running" ? ask_for_copy(shard) : Result<void>();
  }

  // Asking again with the same token changes nothing; a shard that was restarted begins anew.
  Result<void> ask_for_copy(std::uint64_t shard) {
    const std::uint64_t rate = order_.bytes_per_second / layout_.distribution_factor;
    const std::string command = "backup shard-" + std::to_string(shard) + " " + token_ + " " +
                                std::to_string(order_.bytes_per_second == 0 ? 0 : std::max<std::uint64_t>(rate, 1));
    SPEX_TRY_ASSIGN(const std::string text, ask_supervisor(invocation_, command, kAnswerPatience));
    SPEX_TRY_ASSIGN(const Value answer, protocol::parse_json(text));
    const std::string error = member_text(answer, "error");
    if (error.find("unknown command") != std::string::npos) return fail(Reason::unknown_operation, error);
    return {};  // a shard that is just being restarted is asked again
  }

  const Invocation& invocation_;
  const ClusterBackup& order_;
  std::string token_ = std::to_string(::getpid()) + "-" + std::to_string(base::SystemClock().wall());
  std::string data_dir_;
  config::ClusterLayout layout_;
  std::vector<bool> taken_;
};

}  // namespace

Result<dataops::Manifest> back_up_cluster(const Invocation& invocation, const ClusterBackup& order) {
  return Follower(invocation, order).run();
}

}  // namespace spex::ctl
