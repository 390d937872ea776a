// What a backup has besides the shards, and what restoring brings back of it.
#include "dataops/backup.h"

#include <filesystem>
#include <fstream>

#include "dataops/restore.h"
#include "tests/common/dataops/data_fixture.h"

namespace spex::dataops {
namespace {

using testing::DataFixture;
using testing::succeed;
using testing::value_of;

constexpr const char* kDecision = "00000000000000aa.0000000000000001";

std::string content_of(const std::string& path) { return value_of(read_file(path, 1'000)); }

struct BackedUp {
  DataFixture data{2};
  std::string backup = data.file("backup");
  std::string restored = data.file("restored");

  BackedUp() {
    data.fill(20);
    const std::string decisions = DataDirectory::decisions(data.path());
    std::filesystem::create_directory(decisions);
    std::ofstream(decisions + "/" + kDecision) << "given up\n";
    std::ofstream(decisions + "/proposal-17") << "given";
    value_of(back_up_stopped({data.path(), backup, {}, testing::kEpoch, {}}));
  }
  base::Result<RestoreReport> restore() const {
    RestoreOrder order;
    order.backup = backup;
    order.data_dir = restored;
    order.verify = true;
    order.now = testing::kEpoch;
    return dataops::restore(order);
  }
};

TEST_CASE("what is settled of changes of models is in a backup and comes back, what was only proposed is not",
          "[dataops]") {
  const BackedUp all;
  value_of(all.restore());
  const std::string decisions = DataDirectory::decisions(all.restored);
  CHECK(content_of(decisions + "/" + kDecision) == "given up\n");
  CHECK_FALSE(exists(decisions + "/proposal-17"));
  CHECK(testing::contents(all.restored) == testing::contents(all.data.path()));
}

TEST_CASE("a decision that is not the one of the manifest is refused", "[dataops]") {
  const BackedUp all;
  std::ofstream(DataDirectory::decisions(all.backup) + "/" + kDecision) << "merge\n";
  const auto refused = all.restore();
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().reason == base::Reason::storage_corrupt);
  CHECK(refused.error().message.find(kDecision) != std::string::npos);
  CHECK_FALSE(exists(all.restored));
}

TEST_CASE("an interrupted backup is taken up again, with the decisions it had", "[dataops]") {
  const BackedUp all;
  std::filesystem::rename(all.backup, all.backup + ".unfinished");
  value_of(back_up_stopped({all.data.path(), all.backup, {}, testing::kEpoch, {}}));
  CHECK(content_of(DataDirectory::decisions(all.backup) + "/" + kDecision) == "given up\n");
}

}  // namespace
}  // namespace spex::dataops
