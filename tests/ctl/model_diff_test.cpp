#include "ctl/model_diff.h"

#include <catch2/catch.hpp>

#include "protocol/json.h"

namespace spex::ctl {
namespace {

using protocol::Array;
using protocol::Map;
using protocol::Value;

Value model(const char* name, Array transitions, Array sightings) {
  return Map{{"specification", name},
             {"learning_mode", true},
             {"transitions", std::move(transitions)},
             {"sightings", std::move(sightings)}};
}

ModelSet set(Array models) {
  client::Answer answer;
  answer.ok = true;
  answer.body = std::move(models);
  return model_set_of(std::move(answer));
}

const Array kFirst{Value(), "__initialisation__", "new"};
const Array kPay{"new", "pay", "paid"};
const Array kShip{"paid", "ship", "gone"};

TEST_CASE("transitions keep their counts, sorted by text line", "[model_diff]") {
  const ModelSet models =
      set(Array{model("order", Array{kPay, kFirst}, Array{Array{3, 1'000'000, 2'000'000}, Array{0, 0, 0}})});
  REQUIRE(models.find("order") != nullptr);
  CHECK(models.find("claim") == nullptr);
  const auto& transitions = models.find("order")->transitions;
  REQUIRE(transitions.size() == 2);
  CHECK(transitions[0].transition.action == "pay");
  CHECK(sightings_text(transitions[0]) == "×3, 1970-01-01T00:00:01.000000Z to 1970-01-01T00:00:02.000000Z");
  CHECK(sightings_text(transitions[1]).empty());
}

TEST_CASE("a model without sightings has no counts", "[model_diff]") {
  const ModelSet models =
      set(Array{Map{{"specification", "order"}, {"learning_mode", false}, {"transitions", Array{kPay, "no array"}}}});
  REQUIRE(models.models.size() == 1);
  REQUIRE(models.models[0].transitions.size() == 1);
  CHECK(models.models[0].transitions[0].count == 0);
}

TEST_CASE("added and removed transitions are listed, common ones counted", "[model_diff]") {
  const ModelSet left = set(Array{model("order", Array{kFirst, kPay}, {})});
  const ModelSet right = set(Array{model("order", Array{kFirst, kShip}, Array{Array{0, 0, 0}, Array{1, 0, 0}})});
  const auto differences = compare_models(left, right);
  REQUIRE(differences.size() == 1);
  CHECK(differences[0].is_different());
  CHECK(differences[0].common == 1);
  CHECK(difference_text(differences) ==
        "order: 1 added, 1 removed, 1 in both\n"
        "  + paid --[ship]-> gone  (×1, 1970-01-01T00:00:00.000000Z to 1970-01-01T00:00:00.000000Z)\n"
        "  - new --[pay]-> paid\n");
  CHECK(*difference_document(differences).find("different") == Value(true));
  CHECK_FALSE(compare_models(left, left)[0].is_different());
  CHECK(difference_text(compare_models(left, left)) == "order: the same (2 transitions)\n");
}

TEST_CASE("models of several specifications are matched by name, two single ones always", "[model_diff]") {
  const ModelSet both = set(Array{model("a", Array{kPay}, {}), model("b", Array{kPay}, {})});
  const ModelSet only_a = set(Array{model("a", Array{kPay}, {})});
  const ModelSet only_b = set(Array{model("b", Array{kShip}, {})});
  const auto differences = compare_models(both, only_a);
  REQUIRE(differences.size() == 2);
  CHECK_FALSE(differences[0].is_different());
  CHECK(differences[1].only_in_left);
  CHECK(compare_models(only_a, both)[1].only_in_right);
  CHECK(compare_models(only_a, only_b)[0].specification == "a and b");
}

}  // namespace
}  // namespace spex::ctl
