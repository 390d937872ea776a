// Listing instances with spexctl: pages become one table or one document, also
// when a shard is lost between two of them.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

#include "base/unique_fd.h"
#include "protocol/json.h"
#include "support/cluster.h"

namespace spex::test {
namespace {

ClusterOptions with_order() {
  ClusterOptions options;
  options.shards = 2;
  options.specs = {{"order.spec", order_specification()}};
  options.models = {{"order.spex", order_model()}};
  return options;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

Value json(const std::string& text) {
  auto parsed = protocol::parse_json(text);
  INFO(text);
  REQUIRE(parsed.ok());
  return std::move(parsed).value();
}

constexpr int kInstances = 1203;  // more than a page holds

void fill(const Cluster& cluster) {
  RunOptions batch;
  for (int n = 0; n < kInstances; ++n) {
    batch.input += R"({"op":"mock_instance","args":{"spec":"order","id":)" + std::to_string(n) +
                   R"(,"state":"paid"}})"
                   "\n";
  }
  REQUIRE(cluster.ctl({"batch"}, batch).exit_code == 0);
}

TEST_CASE("instances are listed page by page, as one table and as one document", "[spexctl]") {
  Cluster cluster(with_order());
  cluster.start();
  fill(cluster);
  const Value document = json(cluster.ctl({"instances", "--json"}).out);
  std::set<std::string> identifiers;
  for (const Value& instance : *at(document, "instances").array())
    identifiers.insert(protocol::to_json(at(instance, "identifier")));
  CHECK(identifiers.size() == kInstances);
  CHECK(at(document, "status") == Value("ok"));
  const Finished table = cluster.ctl({"instances"});
  CHECK(std::count(table.out.begin(), table.out.end(), '\n') == kInstances + 2);  // the head, and how many
  CHECK(contains(table.out, "\n1,203 instances\n"));
  const Finished some = cluster.ctl({"instances", "--limit", "1001"});
  CHECK(std::count(some.out.begin(), some.out.end(), '\n') == 1001 + 2);
  CHECK(contains(some.out, "1,001 instances; there are more"));
  CHECK(json(cluster.ctl({"instances", "--spec", "nothing", "--json"}).out).find("instances")->array()->empty());
  cluster.stop();
}

// Everything that comes from a pipe until its writer closes it, or nothing at the deadline.
std::string read_to_end(int fd) {
  std::string text;
  char bytes[4096];
  for (;;) {
    pollfd ready{fd, POLLIN, 0};
    REQUIRE(::poll(&ready, 1, static_cast<int>(std::chrono::milliseconds(kPatience).count())) == 1);
    const ssize_t count = ::read(fd, bytes, sizeof bytes);
    REQUIRE(count >= 0);
    if (count == 0) return text;
    text.append(bytes, static_cast<std::size_t>(count));
  }
}

TEST_CASE("a listing that loses a shard half way ends as a document that names it", "[spexctl]") {
  ClusterOptions cluster_options = with_order();
  cluster_options.arguments = {"--heartbeat-interval", "50ms", "--heartbeat-timeout", "1s"};
  Cluster cluster(std::move(cluster_options));
  cluster.start();
  fill(cluster);
  const std::string pipe = cluster.dir() + "/listing";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  const base::UniqueFd reader(::open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  ProgramOptions options;
  options.arguments = {program_path("spexctl"), "instances", "--json", "--endpoint", cluster.endpoint()};
  options.output_file = pipe;
  Program listing(options);
  // What the first shard has fills the pipe: the second is asked when somebody reads on.
  char first = 0;
  REQUIRE(eventually([&] { return ::read(reader.get(), &first, 1) == 1; }));
  cluster.signal_child("shard-2", SIGSTOP);
  const Value document = json(first + read_to_end(reader.get()));
  CHECK(listing.wait() == 4);
  const std::size_t listed = at(document, "instances").array()->size();
  CHECK(listed > 0);
  CHECK(listed < kInstances);
  REQUIRE(at(document, "missing_shards").array()->size() == 1);
  CHECK(integer_of(at(at(at(document, "missing_shards"), 0), "shard")) == 2);
  REQUIRE(eventually([&] { return cluster.incarnation("shard-2") == 2 && cluster.state() == "ready"; }));
  CHECK(at(json(cluster.ctl({"instances", "--json"}).out), "instances").array()->size() == kInstances);
  cluster.stop();
}

}  // namespace
}  // namespace spex::test
