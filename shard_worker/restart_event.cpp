#include "shard_worker/restart_event.h"

#include <string>

#include "protocol/msgpack_writer.h"

namespace spex::shard_worker {
namespace {

constexpr std::string_view kStarted = "started_before";
constexpr std::string_view kEnded = "ended";
constexpr std::string_view kStop = "stop";
constexpr std::string_view kCrash = "crash";

}  // namespace

base::Result<void> tell_start(store::InstanceStore& store, base::Incarnation incarnation, base::Timestamp now) {
  SPEX_TRY_ASSIGN(const auto started, store.setting(kStarted));
  SPEX_TRY_ASSIGN(const auto ended, store.setting(kEnded));
  if (!started) SPEX_TRY(store.put_setting(kStarted, "yes"));
  // Until this process says otherwise, it crashed.
  if (!ended || *ended != kCrash) SPEX_TRY(store.put_setting(kEnded, kCrash));
  if (!started) return {};
  std::string body;
  protocol::MsgpackWriter writer(body);
  writer.map(5).string("kind").string("restart").string("reason").string("restart");
  writer.string("incarnation").uint(incarnation.value());
  writer.string("after").string(ended && *ended == kStop ? kStop : kCrash);
  writer.string("instances").uint(store.statistics().instances);
  auto appended = store.append_event(now, body);
  if (!appended) return std::move(appended).error();
  return {};
}

base::Result<void> tell_stop(store::InstanceStore& store) { return store.put_setting(kEnded, kStop); }

}  // namespace spex::shard_worker
