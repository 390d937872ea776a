#include "conformance/implementation_model.h"

#include <catch2/catch.hpp>

namespace spex::conformance {
namespace {

TEST_CASE("a learning model adds what it sees and counts it", "[model]") {
  ImplementationModel model(true);
  const auto before = model.version();
  CHECK(model.observe({0, 1, 2}, 10) == Observation::learned);
  CHECK(model.version() != before);
  const auto learned = model.version();
  CHECK(model.observe({0, 1, 2}, 30) == Observation::known);
  CHECK(model.observe({0, 1, 2}, 20) == Observation::known);
  CHECK(model.version() == learned);
  const Sightings& seen = model.transitions().at({0, 1, 2});
  CHECK(seen.count == 3);
  CHECK(seen.first_at == 10);
  CHECK(seen.last_at == 30);
  CHECK(model.take_sighted(100) == std::vector<ModelTransition>{{0, 1, 2}});
  CHECK(model.take_sighted(100).empty());
  CHECK(model.observe({0, 1, 2}, 40) == Observation::known);
  CHECK(model.take_sighted(100).size() == 1);
}

TEST_CASE("a closed model never changes and tells deviations", "[model]") {
  ImplementationModel model(false);
  model.add({0, 1, 2});
  const auto version = model.version();
  CHECK(model.observe({0, 1, 2}, 10) == Observation::known);
  CHECK(model.observe({2, 1, 0xffffffff}, 10) == Observation::deviation);
  CHECK(model.observe({2, 1, 0xffffffff}, 11) == Observation::deviation);
  CHECK(model.size() == 1);
  CHECK(model.version() == version);
  CHECK(model.transitions().at({0, 1, 2}).count == 0);
}

TEST_CASE("closing and opening a model makes a new version", "[model]") {
  ImplementationModel model(true);
  const auto version = model.version();
  model.set_learning(true);
  CHECK(model.version() == version);
  model.set_learning(false);
  CHECK(model.version() != version);
}

TEST_CASE("a state is a known end while nothing leaves it", "[model]") {
  ImplementationModel model(false);
  model.add({0, 9, 1});
  CHECK(model.is_known_end(1));
  CHECK_FALSE(model.is_known_end(2));  // unknown, so no end
  model.add({1, 9, 2});
  CHECK_FALSE(model.is_known_end(1));
  CHECK(model.is_known_end(2));
  model.add({2, 9, 2});
  CHECK_FALSE(model.is_known_end(2));
  model.remove({2, 9, 2});
  CHECK(model.is_known_end(2));
  model.remove({1, 9, 2});
  CHECK_FALSE(model.is_known_end(2));
}

TEST_CASE("what is taken back leaves no trace but the version", "[model]") {
  ImplementationModel model(true);
  CHECK(model.observe({0, 1, 2}, 10) == Observation::learned);
  model.remove({0, 1, 2});
  CHECK(model.size() == 0);
  CHECK_FALSE(model.contains({0, 1, 2}));
  CHECK(model.take_sighted(100).empty());
}

TEST_CASE("sightings of two shards are merged", "[model]") {
  ImplementationModel model(true);
  CHECK(model.add({1, 2, 3}, {5, 100, 200}));
  CHECK_FALSE(model.add({1, 2, 3}, {2, 50, 150}));
  CHECK_FALSE(model.add({1, 2, 3}));
  const Sightings& merged = model.transitions().at({1, 2, 3});
  CHECK(merged.count == 7);
  CHECK(merged.first_at == 50);
  CHECK(merged.last_at == 200);
}

}  // namespace
}  // namespace spex::conformance
