#include "dataops/reshard.h"

#include <algorithm>
#include <charconv>

#include "dataops/data_directory.h"
#include "dataops/files.h"
#include "dataops/manifest.h"
#include "dataops/slot_plan.h"

namespace spex::dataops {
namespace {

using base::fail;
using base::Reason;
using base::Result;

constexpr std::string_view kTitle = "spexd reshard 1";
constexpr std::size_t kJournalBytesMax = 4'096;

// What the journal says.
struct Journal {
  std::uint32_t from = 0;
  std::uint32_t to = 0;
  std::string keep_as;  // a name in the directory; empty: remove
};

std::string text_of(const Journal& journal) {
  return std::string(kTitle) + "\nfrom: " + std::to_string(journal.from) + "\nto: " + std::to_string(journal.to) +
         "\nkeep_as: " + journal.keep_as + "\n";
}

Result<Journal> parse_journal(const std::string& path, std::string_view text) {
  const auto take = [&](std::string_view head) -> std::optional<std::string_view> {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos || !text.starts_with(head)) return std::nullopt;
    const std::string_view value = text.substr(head.size(), end - head.size());
    text.remove_prefix(end + 1);
    return value;
  };
  const auto number = [](const std::optional<std::string_view>& word) {
    std::uint32_t value = 0;
    if (word) std::from_chars(word->data(), word->data() + word->size(), value);
    return value;
  };
  Journal journal;
  const bool titled = take(kTitle).has_value();
  journal.from = number(take("from: "));
  journal.to = number(take("to: "));
  const auto keep_as = take("keep_as: ");
  if (!titled || journal.from == 0 || journal.to == 0 || !keep_as || keep_as->find('/') != std::string_view::npos) {
    return fail(Reason::storage_corrupt, "read " + path + ": this is not the journal of a move");
  }
  journal.keep_as = *keep_as;
  return journal;
}

class Reshard {
 public:
  explicit Reshard(const ReshardOrder& order)
      : order_(order),
        dir_(order.data_dir),
        fresh_(dir_ + "/reshard-new"),
        old_(dir_ + "/reshard-old"),
        journal_(DataDirectory::journal_file(dir_)) {}

  Result<ReshardReport> run() {
    SPEX_TRY_ASSIGN(const DataDirectory data, DataDirectory::open_interrupted(dir_));
    if (exists(journal_)) return finish_earlier_one();
    SPEX_TRY(DataDirectory::check_complete(dir_));
    if (!order_.distribution_factor) {
      return fail(Reason::invalid_argument, "there is no interrupted move in " + dir_ +
                                                "; --distribution-factor N says how many shards there shall be");
    }
    const std::uint32_t wanted = *order_.distribution_factor;
    if (wanted < 1 || wanted > config::kSlots) {
      return fail(Reason::invalid_argument, "--distribution-factor " + std::to_string(wanted) + ": it is 1 to 4096");
    }
    report_.from = data.layout().distribution_factor;
    report_.to = wanted;
    // Of a move that was interrupted before anything changed.
    SPEX_TRY(remove_file(journal_ + ".new"));
    SPEX_TRY(remove_tree(fresh_));
    if (report_.from == wanted) return report_;
    SPEX_TRY(build(data.layout()));
    Journal journal{report_.from, report_.to, ""};
    if (order_.keep_old) journal.keep_as = "old-" + std::to_string(report_.from) + "-shards-" + utc_text(order_.now);
    SPEX_TRY(write_file(journal_, text_of(journal)));
    SPEX_TRY(finish(journal));
    report_.changed = true;
    return report_;
  }

 private:
  Result<ReshardReport> finish_earlier_one() {
    SPEX_TRY_ASSIGN(const std::string text, read_file(journal_, kJournalBytesMax));
    SPEX_TRY_ASSIGN(const Journal journal, parse_journal(journal_, text));
    if (order_.distribution_factor && *order_.distribution_factor != journal.to) {
      return fail(Reason::invalid_argument, dir_ + " is in the middle of a move to " + std::to_string(journal.to) +
                                                " shards: finish that first, with --distribution-factor " +
                                                std::to_string(journal.to));
    }
    report_.from = journal.from;
    report_.to = journal.to;
    report_.changed = report_.finished_earlier_one = true;
    SPEX_TRY(finish(journal));
    return report_;
  }

  Result<void> build(const config::ClusterLayout& from) {
    SPEX_TRY(make_directory(fresh_));
    Transfer transfer_order{dir_, from, fresh_, plan_layout(from, report_.to), order_.now, order_.on_progress};
    SPEX_TRY_ASSIGN(report_.moved, transfer(transfer_order));
    for (std::uint32_t shard = 1; shard <= report_.from; ++shard) {
      // Beside another file it would be taken for that one's.
      if (exists(DataDirectory::shard_file(dir_, shard) + "-wal")) {
        return fail(Reason::storage_checkpoint,
                    "close " + DataDirectory::shard_file(dir_, shard) + ": its write-ahead log could not be emptied");
      }
    }
    SPEX_TRY(config::save_layout(fresh_, transfer_order.to));
    SPEX_TRY(sync_directory(fresh_));
    return sync_directory(dir_);
  }

  // Every step may have been done before.
  Result<void> finish(const Journal& journal) {
    if (exists(config::layout_path(fresh_))) {
      if (!exists(old_)) SPEX_TRY(make_directory(old_));
      for (std::uint32_t shard = 1; shard <= std::max(journal.from, journal.to); ++shard) {
        SPEX_TRY(exchange(shard, shard <= journal.to));
      }
      SPEX_TRY(sync_directory(old_));
      SPEX_TRY(sync_directory(dir_));
      SPEX_TRY(keep_old_layout(journal));
      SPEX_TRY(rename_path(config::layout_path(fresh_), config::layout_path(dir_)));
      SPEX_TRY(sync_directory(fresh_));
      SPEX_TRY(sync_directory(dir_));
    }
    SPEX_TRY(remove_tree(fresh_));
    SPEX_TRY(put_old_away(journal));
    SPEX_TRY(remove_file(journal_));
    return sync_directory(dir_);
  }

  // As long as the new file of a shard is not in its place, what is there is the old one.
  Result<void> exchange(std::uint32_t shard, bool has_new) {
    const std::string place = DataDirectory::shard_file(dir_, shard);
    const std::string fresh = DataDirectory::shard_file(fresh_, shard);
    if (has_new && !exists(fresh)) return {};
    const std::string stem = place.substr(0, place.size() - std::string_view(".sqlite").size());
    SPEX_TRY(remove_file(DataDirectory::copy_file(dir_, shard)));
    if (exists(place)) SPEX_TRY(rename_path(place, DataDirectory::shard_file(old_, shard)));
    if (has_new) return rename_path(fresh, place);
    SPEX_TRY(remove_file(stem + ".reserve"));
    return remove_file(stem + ".lock");  // it says that there was a file once
  }

  // What is kept is a data directory again, should somebody need it.
  Result<void> keep_old_layout(const Journal& journal) {
    if (journal.keep_as.empty() || exists(config::layout_path(old_))) return {};
    SPEX_TRY_ASSIGN(const config::ClusterLayout layout, config::load_layout(dir_));
    step("write the old layout");
    return config::save_layout(old_, layout);
  }

  Result<void> put_old_away(const Journal& journal) {
    if (journal.keep_as.empty()) return remove_tree(old_);
    report_.kept_as = dir_ + "/" + journal.keep_as;
    if (exists(old_)) SPEX_TRY(rename_path(old_, report_.kept_as));
    return {};
  }

  const ReshardOrder& order_;
  std::string dir_;
  std::string fresh_;
  std::string old_;
  std::string journal_;
  ReshardReport report_;
};

}  // namespace

Result<ReshardReport> reshard(const ReshardOrder& order) { return Reshard(order).run(); }

}  // namespace spex::dataops
