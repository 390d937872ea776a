#include "shard_worker/explanation_map.h"

#include <string_view>

#include "protocol/msgpack_writer.h"

namespace spex::shard_worker {
namespace {

using conformance::Explained;
using conformance::ExplainedExchange;
using conformance::ExplainedStep;
using protocol::MsgpackWriter;

std::string_view side(bool left) { return left ? "left" : "right"; }

// The pairs first, then the header that counts them.
class MapWriter {
 public:
  MsgpackWriter& key(std::string_view name) {
    ++pairs_;
    return writer_.string(name);
  }
  void text(std::string_view name, std::string_view value) {
    if (!value.empty()) key(name).string(value);
  }
  void texts(std::string_view name, const std::vector<std::string>& values) {
    if (values.empty()) return;
    key(name).array(static_cast<std::uint32_t>(values.size()));
    for (const std::string& value : values) writer_.string(value);
  }
  void run(std::string_view name, const std::vector<ExplainedStep>& steps) {
    if (steps.empty()) return;
    key(name).array(static_cast<std::uint32_t>(steps.size()));
    for (const ExplainedStep& step : steps) writer_.array(2).string_or_nil(step.action).string(step.state);
  }
  void append_to(std::string& out) const { MsgpackWriter(out).map(pairs_).raw(body_); }

 private:
  std::string body_;
  MsgpackWriter writer_{body_};
  std::uint32_t pairs_ = 0;
};

void append_exchange(const ExplainedExchange& exchange, MsgpackWriter& list) {
  MapWriter map;
  map.key("mover").string(side(exchange.left_moves));
  map.text("action", exchange.action);
  map.run("left", exchange.left);
  map.run("right", exchange.right);
  map.text("left_state", exchange.left_state);
  map.text("right_state", exchange.right_state);
  std::string encoded;
  map.append_to(encoded);
  list.raw(encoded);
}

}  // namespace

void append_explanation(const Explained& explained, std::string& out) {
  MapWriter map;
  map.key("story").string(explained.story);
  map.key("kind").string(explained.kind);
  if (explained.kind == "trace" || explained.kind == "game") map.key("able").string(side(explained.left_is_able));
  map.texts("trace", explained.trace);
  map.text("action", explained.action);
  map.run("left_run", explained.left_run);
  map.run("right_run", explained.right_run);
  if (!explained.game.empty()) {
    MsgpackWriter& list = map.key("game").array(static_cast<std::uint32_t>(explained.game.size()));
    for (const ExplainedExchange& exchange : explained.game) append_exchange(exchange, list);
  }
  map.text("left_state", explained.left_state);
  map.text("right_state", explained.right_state);
  map.texts("left_offers", explained.left_offers);
  map.texts("right_offers", explained.right_offers);
  map.text("formula", explained.formula);
  if (explained.depth != 0) map.key("depth").uint(explained.depth);
  map.text("note", explained.note);
  map.append_to(out);
}

}  // namespace spex::shard_worker
