#include <algorithm>

#include "conformance/names.h"
#include "protocol/arguments.h"
#include "protocol/codec.h"
#include "protocol/filter.h"
#include "protocol/msgpack_writer.h"
#include "protocol/replies.h"
#include "shard_worker/handlers.h"
#include "shard_worker/instance_subject.h"
#include "shard_worker/reports.h"
#include "shard_worker/shard.h"

namespace spex::shard_worker {
namespace {

using base::fail;
using base::Reason;
using base::Result;
using protocol::MsgpackWriter;

// What one page costs the other requests is bounded, whatever the filter: a page may be empty.
constexpr std::size_t kVisitsPerInstance = 16;  // that cost about as much
constexpr std::size_t kBytesPerPage = 1u << 20;

struct PageScan {
  std::vector<store::Instance> visited;
  bool more = false;
};

PageScan visit_some(const Shard& shard, store::InstanceNumber from, std::size_t visits_max) {
  PageScan scan;
  shard.store.scan(from, [&](const store::Instance& instance) {
    scan.more = scan.visited.size() == visits_max;
    if (!scan.more) scan.visited.push_back(instance);
    return !scan.more;
  });
  return scan;
}

// One that cannot be read does not keep the others from the caller: what is known of it is listed, with the error.
Result<void> append_listed(Shard& shard, const store::Instance& instance, std::string& instances) {
  const std::size_t begin = instances.size();
  const auto appended = append_instance_map(shard, instance, 0, 0, protocol::kPageRecordsMax, instances);
  if (appended || appended.error().reason != Reason::storage_corrupt) return appended;
  instances.resize(begin);
  const auto details = shard.store.details(instance.number);
  MsgpackWriter writer(instances);
  writer.map(7).string("specification").string(shard.store.specification_name(instance.specification));
  writer.string("identifier").raw_or_nil(details ? std::string_view(details->identifier) : std::string_view());
  writer.string("meta").nil();
  writer.string("current_state").string(shard.store.name(instance.current_state));
  writer.string("transitions_total").uint(instance.transitions_total);
  writer.string("transitions").array(0);
  writer.string("error");
  protocol::append_error(instances, appended.error());
  return {};
}

// A new job needs a key that was never used.
Result<void> refuse_spent_key(const Shard& shard, const store::RequestKey& key) {
  const store::KeyState state = shard.store.find_key(key).state;
  if (state == store::KeyState::expired) {
    return fail(Reason::request_key_expired, "the key is older than what is remembered of this client");
  }
  if (state != store::KeyState::unknown) {
    return fail(Reason::request_key_reused, "the key was used for another request");
  }
  return {};
}

}  // namespace

Handled all_instances(Shard& shard, Call& call) {
  protocol::AllInstancesArguments arguments;
  SPEX_TRY(protocol::decode(call.header.arguments, arguments));
  SPEX_TRY_ASSIGN(const auto filter, protocol::Filter::decode(arguments.filter));
  const std::uint64_t from = arguments.cursor ? arguments.cursor->number : 0;
  if (from > 0xffffffffU) return fail(Reason::invalid_argument, "all_instances: this is no cursor of ours");
  const std::size_t at_once = shard.listing.next_page(call.now.monotonic);
  const std::size_t most = std::min<std::size_t>(arguments.limit, at_once);
  const PageScan scan =
      visit_some(shard, store::InstanceNumber(static_cast<std::uint32_t>(from)), at_once * kVisitsPerInstance);
  std::string instances;
  std::uint32_t count = 0;
  protocol::Page page;
  std::size_t index = 0;
  for (; index < scan.visited.size() && count < most && instances.size() < kBytesPerPage; ++index) {
    const store::Instance& instance = scan.visited[index];
    if (!filter.matches(InstanceSubject(shard.store, instance, call.now.wall))) continue;
    SPEX_TRY(append_listed(shard, instance, instances));
    ++count;
  }
  if (index < scan.visited.size() || scan.more) {
    const std::uint64_t next = index < scan.visited.size() ? std::uint64_t{scan.visited[index].number.value()}
                                                           : std::uint64_t{scan.visited.back().number.value()} + 1;
    page.next = protocol::Cursor{shard.id, next};
  }
  std::string list;
  MsgpackWriter(list).array(count).raw(instances);
  page.instances = list;
  std::string body;
  protocol::append_page(body, page);
  answer_ok(call, body);
  return Disposition::answered;
}

Handled read_events(Shard& shard, Call& call) {
  protocol::ReadEventsArguments arguments;
  SPEX_TRY(protocol::decode(call.header.arguments, arguments));
  SPEX_TRY_ASSIGN(const auto events, shard.store.events(arguments.after, arguments.limit));
  const store::StoreStatistics statistics = shard.store.statistics();
  std::string body;
  MsgpackWriter writer(body);
  writer.array(3);
  std::uint32_t fitting = 0;
  for (std::size_t bytes = 0; fitting < events.size() && bytes < kBytesPerPage; ++fitting) {
    bytes += events[fitting].body.size();
  }
  writer.array(fitting);
  for (std::uint32_t i = 0; i < fitting; ++i) {
    writer.array(3).uint(events[i].number).integer(events[i].at).raw(events[i].body);
  }
  writer.uint(statistics.events_last).uint(statistics.events_first);
  answer_ok(call, body);
  return Disposition::answered;
}

Handled delete_instances(Shard& shard, Call& call) {
  protocol::DeleteInstancesArguments arguments;
  SPEX_TRY(protocol::decode(call.header.arguments, arguments));
  SPEX_TRY_ASSIGN(auto filter, protocol::Filter::decode(arguments.filter));
  BulkDeletion job;
  if (call.key) {
    if (shard.deletions.join(*call.key, call.incoming)) return Disposition::waiting;
    SPEX_TRY_ASSIGN(const auto earlier, shard.store.bulk_job(*call.key));
    if (earlier && earlier->done) {
      std::string body;
      MsgpackWriter(body).uint(earlier->deleted);
      answer_ok(call, body);
      return Disposition::answered;
    }
    if (earlier) job.deleted = earlier->deleted;
    if (!earlier) SPEX_TRY(refuse_spent_key(shard, *call.key));
  }
  job.askers.emplace_back(call.incoming);
  job.filter = std::move(filter);
  job.key = call.key;
  job.started = call.now;
  if (!shard.deletions.add(std::move(job))) {
    ++shard.counters.overloaded;
    return fail(Reason::overloaded, "delete_instances: too many are under way");
  }
  return Disposition::waiting;
}

}  // namespace spex::shard_worker
