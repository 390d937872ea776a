#include "supervisor/status_document.h"

#include <algorithm>

#include "base/json_text.h"

namespace spex::supervisor {
namespace {

using base::json_quote;

std::int64_t milliseconds(base::Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

// Writes `"key":value` members, with commas between them.
class JsonObject {
 public:
  JsonObject& raw(std::string_view key, std::string_view value) {
    if (text_.size() > 1) text_ += ',';
    text_ += json_quote(key) + ':';
    text_ += value;
    return *this;
  }
  JsonObject& text(std::string_view key, std::string_view value) { return raw(key, json_quote(value)); }
  JsonObject& text_or_null(std::string_view key, const std::string& value) {
    return value.empty() ? raw(key, "null") : text(key, value);
  }
  template <typename Number>
  JsonObject& number(std::string_view key, Number value) {
    return raw(key, std::to_string(value));
  }
  std::string finish() { return std::move(text_) + "}"; }

 private:
  std::string text_ = "{";
};

std::string next_restart(const Child& child, base::MonotonicTime now) {
  if (child.phase() != ChildPhase::backoff && child.phase() != ChildPhase::parked) return "null";
  return std::to_string(std::max<std::int64_t>(0, milliseconds(*child.deadline() - now)));
}

std::string child_json(const Child& child, const ProcessFacts& process, base::MonotonicTime now) {
  JsonObject json;
  json.text("id", child.spec().id);
  json.text("kind", child.spec().kind == ChildKind::shard ? "shard" : "router");
  if (child.spec().kind == ChildKind::shard) json.number("shard", child.spec().shard.value());
  json.raw("pid", process.pid > 0 ? std::to_string(process.pid) : "null");
  json.text("phase", name_of(child.phase()));
  json.raw("serves", child.serves() ? "true" : "false");
  json.number("incarnation", child.incarnation().value());
  json.number("restarts", child.restarts());
  json.number("restarts_in_window", child.restarts_in_window(now));
  json.raw("heartbeat_age_ms", child.has_process() ? std::to_string(milliseconds(now - child.last_heard())) : "null");
  json.text_or_null("last_exit", child.last_exit());
  json.text_or_null("last_error", child.last_error());
  json.raw("next_restart_in_ms", next_restart(child, now));
  json.raw("stats", process.stats.empty() ? "{}" : process.stats);
  return json.finish();
}

std::string cluster_json(const config::Config& config, const ClusterFacts& facts) {
  JsonObject json;
  json.text("version", SPEX_VERSION).text("cluster_id", facts.cluster_id).text("state", name_of(facts.state));
  json.number("pid", facts.pid).number("uptime_seconds", milliseconds(facts.uptime) / 1'000);
  json.number("distribution_factor", config.distribution_factor);
  json.raw("endpoints", json_list(config.endpoints));
  json.text("run_dir", config.run_dir).text("data_dir", config.data_dir);
  json.text("specs_dir", config.specs_dir).text("impl_models_dir", config.impl_models_dir);
  json.number("max_restarts", config.max_restarts);
  json.text("max_seconds", base::format_duration(config.max_seconds));
  json.raw("problems", json_list(facts.problems));
  return json.finish();
}

}  // namespace

std::string json_list(const std::vector<std::string>& texts) {
  std::string list = "[";
  for (const std::string& text : texts) list += (list.size() > 1 ? "," : "") + json_quote(text);
  return list + "]";
}

std::string status_json(const config::Config& config, const ClusterFacts& facts, const std::vector<Child>& children,
                        const std::vector<ProcessFacts>& processes, base::MonotonicTime now) {
  std::string list = "[";
  for (std::size_t i = 0; i < children.size(); ++i) {
    if (i > 0) list += ',';
    list += child_json(children[i], processes[i], now);
  }
  return "{\"cluster\":" + cluster_json(config, facts) + ",\"children\":" + list + "]}";
}

std::string status_line(ClusterState state, const std::vector<Child>& children) {
  std::size_t shards = 0;
  std::size_t serving = 0;
  std::string others;
  for (const Child& child : children) {
    const bool serves = child.serves();
    if (child.spec().kind == ChildKind::shard) {
      ++shards;
      serving += serves ? 1 : 0;
    }
    if (serves || others.size() > 200) continue;
    const bool is_unreached = child.phase() == ChildPhase::running;
    others += ", " + child.spec().id + " " +
              (is_unreached ? "not reached by the router" : std::string(name_of(child.phase())));
  }
  return std::string(name_of(state)) + ": " + std::to_string(serving) + " of " + std::to_string(shards) +
         " shards serve" + others;
}

}  // namespace spex::supervisor
