#include "ctl/model_check.h"

#include <catch2/catch.hpp>

#include "conformance/specification_text.h"
#include "protocol/json.h"

namespace spex::ctl {
namespace {

CheckReport report_of(const std::string& model_name, const std::string& transition) {
  const auto specification =
      conformance::read_specification_text("Specification: x\nTransitions:\ns --[a]-> t\n", "x.spec");
  REQUIRE(specification.ok());
  conformance::Directory<conformance::SpecificationFile> specifications;
  specifications.files.push_back({"x.spec", "", "", *specification});
  const auto model = conformance::read_model_text(
      "Specification: " + model_name + "\nLearning mode: false\nTransitions:\nnil --[__initialisation__]-> 1\n" +
          transition + "\n",
      "x.spex");
  REQUIRE(model.ok());
  conformance::Directory<conformance::ModelFile> models;
  models.files.push_back({"x<y>.spex", "", *model});
  return check_models(models, specifications);
}

TEST_CASE("an equivalent model passes, another does not and says why", "[check]") {
  CHECK(report_of("x", "1 --[a]-> 2").exit_status() == 0);
  const CheckReport bad = report_of("x", "1 --[b]-> 2");
  CHECK(bad.exit_status() == 1);
  CHECK_FALSE(bad.models[0].reason.empty());
  CHECK(report_text(bad).find("x: not equivalent") != std::string::npos);
  CHECK(*report_document(bad).find("equivalent") == protocol::Value(false));
}

TEST_CASE("a model that is not equivalent comes with the story and the run", "[check]") {
  const CheckReport bad = report_of("x", "1 --[b]-> 2");
  REQUIRE(bad.models[0].explained);
  const std::string story = bad.models[0].explained->story;
  CHECK(story.find("`b`") != std::string::npos);
  CHECK(report_text(bad).find(story) != std::string::npos);
  const protocol::Value document = report_document(bad);
  const auto& models = *document.find("models")->array();
  REQUIRE(models[0].find("explanation") != nullptr);
  CHECK(*models[0].find("explanation")->find("story") == protocol::Value(story));
  CHECK(report_junit(bad).find("formula: ") != std::string::npos);
}

TEST_CASE("the JUnit report holds only characters that XML allows", "[check]") {
  CheckReport report;
  report.problems.push_back({"a\x01\xff.spex", 1, "line\nbreak \xef\xbf\xbe"});
  const std::string xml = report_junit(report);
  CHECK(xml.find("classname=\"a\xef\xbf\xbd\xef\xbf\xbd.spex\"") != std::string::npos);
  CHECK(xml.find("line&#10;break \xef\xbf\xbd") != std::string::npos);
}

TEST_CASE("a model of an undefined specification is listed and no error", "[check]") {
  const CheckReport report = report_of("other", "1 --[a]-> 2");
  CHECK(report.exit_status() == 0);
  CHECK(report.models[0].outcome == CheckOutcome::no_specification);
}

TEST_CASE("an unreadable file makes the status 2, a deviation outweighs it", "[check]") {
  CheckReport report = report_of("x", "1 --[a]-> 2");
  report.problems.push_back({"bad.spex", 4, "no transition"});
  CHECK(report.exit_status() == 2);
  CHECK(report_text(report).find("bad.spex:4: no transition") != std::string::npos);
  CheckReport bad = report_of("x", "1 --[b]-> 2");
  bad.problems = report.problems;
  CHECK(bad.exit_status() == 1);
}

TEST_CASE("the JUnit report counts, names and escapes", "[check]") {
  CheckReport bad = report_of("x", "1 --[b]-> 2");
  bad.problems.push_back({"bad.spex", 4, "a \"quote\" & <more>"});
  const std::string xml = report_junit(bad);
  CHECK(xml.find("tests=\"2\" failures=\"1\" errors=\"1\" skipped=\"0\"") != std::string::npos);
  CHECK(xml.find("classname=\"x&lt;y&gt;.spex\"") != std::string::npos);
  CHECK(xml.find("a &quot;quote&quot; &amp; &lt;more&gt;") != std::string::npos);
  CHECK(xml.find("<failure type=\"not_equivalent\" message=") != std::string::npos);
}

}  // namespace
}  // namespace spex::ctl
