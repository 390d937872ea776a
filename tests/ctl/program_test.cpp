#include "ctl/program.h"

#include <catch2/catch.hpp>
#include <map>

#include "ctl/cluster_access.h"
#include "ctl/deviations.h"
#include "ctl/output.h"

namespace spex::ctl {
namespace {

using Words = std::vector<std::string>;

base::Result<ParsedProgram> parse(const Words& arguments, std::map<std::string, std::string> environment = {}) {
  return parse_program(arguments, [&](const std::string& name) -> std::optional<std::string> {
    const auto found = environment.find(name);
    return found == environment.end() ? std::nullopt : std::optional(found->second);
  });
}

TEST_CASE("options may stand before and after the verb", "[program]") {
  for (const Words& words : {Words{"--endpoint", "tcp://h:1", "--window", "5", "batch", "--keys"},
                             Words{"batch", "--window", "5", "--keys", "--endpoint", "tcp://h:1"},
                             Words{"--keys", "--window=5", "batch", "--endpoint=tcp://h:1"}}) {
    const auto parsed = parse(words);
    REQUIRE(parsed.ok());
    CHECK(parsed->verb->name == "batch");
    CHECK(parsed->invocation.endpoint == "tcp://h:1");
    CHECK(parsed->invocation.line.value("window") == "5");
    CHECK(parsed->invocation.line.has("keys"));
    CHECK(parsed->invocation.line.words.empty());
  }
}

TEST_CASE("the endpoint comes from option, environment, run directory, default, in this order", "[program]") {
  CHECK(parse({"status"})->invocation.endpoint == "ipc://./spex_run/frontend.sock");
  CHECK(parse({"status", "--run-dir", "/r"})->invocation.endpoint == "ipc:///r/frontend.sock");
  CHECK(parse({"status"}, {{"SPEX_ENDPOINT", "tcp://h:1"}})->invocation.endpoint == "tcp://h:1");
  CHECK(parse({"status", "--endpoint", "tcp://h:2"}, {{"SPEX_ENDPOINT", "tcp://h:1"}})->invocation.endpoint ==
        "tcp://h:2");
  CHECK(parse({"status", "--endpoint", "ipc:///x/run/frontend.sock"})->invocation.run_dir == "/x/run");
  CHECK_FALSE(parse({"status", "--endpoint", "ipc:///x/run/frontend.sock"})->invocation.run_dir_given);
  CHECK(parse({"status", "--run-dir", "/r"})->invocation.run_dir_given);
}

TEST_CASE("what cannot be understood says what and how", "[program]") {
  const auto message = [](const Words& words) {
    const auto parsed = parse(words);
    return parsed.ok() ? std::string() : parsed.error().message;
  };
  CHECK(message({}) == "a verb is missing; `spexctl --help` lists them");
  CHECK(message({"frobnicate"}) == "'frobnicate' is no verb; `spexctl --help` lists them");
  CHECK(message({"init", "order"}).starts_with("an argument is missing; usage: spexctl init SPEC ID"));
  CHECK(message({"get", "a", "b"}).starts_with("'b' is one argument too many"));
  CHECK(message({"learn"}).starts_with("a command is missing after --"));
  CHECK_FALSE(message({"status", "--no-such-option"}).empty());
}

TEST_CASE("after -- an identifier may begin with a dash, and a command keeps its options", "[program]") {
  CHECK(parse({"get", "--", "-1"})->invocation.word(0) == "-1");
  const auto learn = parse({"learn", "--json", "--", "sh", "-c", "x --json"});
  REQUIRE(learn.ok());
  CHECK(learn->invocation.line.rest == Words{"sh", "-c", "x --json"});
  CHECK(learn->invocation.json);
}

TEST_CASE("every verb has help with an example, and options of one name are of one kind", "[program]") {
  std::map<std::string, bool> takes_value;
  for (const Verb& verb : all_verbs()) {
    INFO(verb.name);
    CHECK(verb.run != nullptr);
    CHECK(verb_help(verb).find("Example") != std::string::npos);
    CHECK(program_help().find("\n  " + verb.name + " ") != std::string::npos);
    CHECK(parse({verb.name, "--help"})->help);
    for (const auto& option : verb.options) {
      INFO(option.name);
      CHECK_FALSE(option.text.empty());
      const bool takes = !option.value_name.empty();
      CHECK(takes_value.emplace(option.name, takes).first->second == takes);
    }
  }
}

TEST_CASE("the exit status follows from the answer", "[program]") {
  const auto of = [](base::Reason reason, client::Origin origin = client::Origin::cluster) {
    client::Answer answer;
    answer.error = protocol::ErrorBody::of(reason, {});
    answer.origin = origin;
    return status_of(exit_code_of(answer));
  };
  client::Answer fine;
  fine.ok = true;
  CHECK(status_of(exit_code_of(fine)) == 0);
  fine.missing = {{base::ShardId(1), base::Reason::shard_unavailable}};
  CHECK(status_of(exit_code_of(fine)) == 4);
  CHECK(of(base::Reason::deviation_not_equivalent) == 1);
  CHECK(of(base::Reason::shard_unavailable, client::Origin::unreachable) == 5);
  CHECK(of(base::Reason::deadline_exceeded, client::Origin::no_reply) == 6);
  CHECK(of(base::Reason::specification_not_found) == 7);
  CHECK(of(base::Reason::shard_unavailable) == 7);
  CHECK(status_of(exit_code_of(base::fail(base::Reason::invalid_argument, ""))) == 2);
  CHECK(status_of(exit_code_of(base::fail(base::Reason::specification_invalid, ""))) == 7);
}

TEST_CASE("deviations are grouped by transition, the most frequent first, with the first case", "[program]") {
  const auto answer = [](base::Reason reason, const char* action, bool accepted) {
    client::Answer made;
    const auto error =
        protocol::ErrorBody::of(reason, protocol::Map{{"deviating_transition", protocol::Array{"s", action, "t"}}});
    made.reported = {error};
    made.ok = accepted;
    if (!accepted) made.error = error;
    return made;
  };
  Deviations deviations;
  deviations.add(answer(base::Reason::deviation_still_equivalent, "a", true), "c1");
  deviations.add(answer(base::Reason::deviation_not_equivalent, "b", false), "c2");
  deviations.add(answer(base::Reason::deviation_not_equivalent, "b", false), "c3");
  client::Answer other;
  other.error = protocol::ErrorBody::of(base::Reason::specification_not_found, {});
  deviations.add(other, "c4");
  CHECK(deviations.total() == 3);
  const auto groups = deviations.groups();
  REQUIRE(groups.size() == 2);
  CHECK(groups[0].action == "b");
  CHECK(groups[0].count == 2);
  CHECK(groups[0].example == "c2");
  CHECK(groups[1].reason == base::Reason::deviation_still_equivalent);
}

TEST_CASE("tables align by characters, not bytes", "[program]") {
  Table table({"NAME", "N"}, {1});
  table.add({"é", "1"});
  table.add({"abcdef", "100"});
  CHECK(table.take() == "NAME      N\né         1\nabcdef  100\n");
  table.add({"xy", "20"});
  CHECK(table.take() == "xy       20\n");
  CHECK(with_separators(1234567) == "1,234,567");
  CHECK(with_separators(999) == "999");
  CHECK(plural(1, "case") == "1 case");
}

}  // namespace
}  // namespace spex::ctl
