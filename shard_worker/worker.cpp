#include "shard_worker/worker.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>

#include "base/log.h"
#include "config/effective_config.h"
#include "config/resolve.h"
#include "protocol/backend.h"
#include "protocol/replies.h"
#include "shard_worker/loader.h"
#include "shard_worker/restart_event.h"
#include "shard_worker/status_json.h"

namespace spex::shard_worker {
namespace {

using base::Reason;
using base::Result;
using process::DaemonExit;
using process::ExitCode;

constexpr std::size_t kFramesPerBatch = 256;
constexpr std::size_t kReplyFrameBytes = 1u << 20;
// Past this much unsent output nothing more is taken in.
constexpr std::size_t kOutboxBytesMax = 64u << 20;
constexpr auto kHousekeepingInterval = std::chrono::seconds(5);
// How often something was seen is stored with it; where very much is, the rest follows within kHousekeepingInterval.
constexpr std::size_t kSightingsPerCommit = 64;
constexpr std::size_t kAllSightings = static_cast<std::size_t>(-1);
constexpr auto kMaintenanceRest = std::chrono::seconds(1);  // when there was nothing to do

store::StoreOptions store_options(process::DaemonContext& context, base::Timestamp now) {
  store::StoreOptions options;
  options.path = context.config.data_dir + "/shard_" + std::to_string(context.shard.value()) + ".sqlite";
  options.shard = context.shard;
  options.cluster_id = context.layout.cluster_id;
  options.full_durability = context.config.durability == config::Durability::full;
  options.instances_max = context.config.instances_max;
  options.instances_in_memory_max = context.config.instances_in_memory_max;
  options.names_max = context.config.names_max;
  options.request_keys_max = context.config.request_keys_max;
  options.checkpoint_pages = context.config.checkpoint_pages;
  options.reclaim_within = context.config.reclaim_within;
  options.reserve_bytes = context.config.disk_reserve;
  options.now = now;
  options.on_progress = [&context] { context.channel.progress(); };
  return options;
}

}  // namespace

Result<std::unique_ptr<Worker>> Worker::open(process::DaemonContext& context) {
  SPEX_TRY_ASSIGN(auto slots,
                  protocol::SlotMap::create(context.layout.shard_of_slot, context.layout.distribution_factor));
  SPEX_TRY_ASSIGN(auto instances, store::InstanceStore::open(store_options(context, base::SystemClock().wall())));
  std::unique_ptr<Worker> worker(new Worker(context, std::move(slots), std::move(instances)));
  SPEX_TRY(worker->load());
  SPEX_TRY(worker->bind());
  worker->watch();
  return worker;
}

Worker::Worker(process::DaemonContext& context, protocol::SlotMap slots,
               std::unique_ptr<store::InstanceStore> instances)
    : context_(context),
      store_(std::move(instances)),
      reactor_(clock_),
      check_thread_(std::in_place,
                    [this](std::uint64_t ticket, KnownJudgement judgement) {
                      reactor_.post([this, ticket, judgement = std::move(judgement)]() mutable {
                        shard_.on_verdict(ticket, std::move(judgement), answers_);
                      });
                    }),
      shard_(context.shard, std::move(slots), context.config, *store_, *check_thread_),
      deadlines_(shard_),
      backup_(*store_, context.config.data_dir + "/shard_" + std::to_string(context.shard.value()) + ".backup"),
      messages_(kFramesPerBatch),
      background_turn_(context.config.run_dir + "/background.lock", context.shard, BackgroundTurn::places()) {}

Worker::~Worker() = default;

Result<void> Worker::load() {
  context_.channel.progress();
  SPEX_TRY(load_all(shard_, now()));
  start_told_ = tell_start(*store_, context_.incarnation, now().wall).ok();
  // A disk that is full now does not keep the shard from answering reads.
  if (auto committed = store_->commit(); !committed) {
    start_told_ = false;
    on_failed_commit(committed.error(), now());
  }
  deadlines_.start(now());
  const store::StoreStatistics statistics = store_->statistics();
  base::log(base::LogLevel::info, "store_open",
            {{"instances", std::to_string(statistics.instances)},
             {"recovered_records", std::to_string(statistics.recovered_records)},
             {"microseconds", std::to_string(statistics.recovery_microseconds)},
             {"specifications", std::to_string(shard_.catalogue.specifications().size())},
             {"models", std::to_string(shard_.catalogue.models().size())}});
  return {};
}

Result<void> Worker::bind() {
  transport::SocketOptions options;
  options.send_hwm = 10'000;
  options.receive_hwm = 10'000;
  SPEX_TRY_ASSIGN(auto socket, transport::Socket::open(zmq_, transport::SocketType::router, options));
  socket_.emplace(std::move(socket));
  return socket_->bind("ipc://" + context_.config.run_dir + "/shard_" + std::to_string(context_.shard.value()) + "." +
                       std::to_string(context_.incarnation.value()) + ".s");
}

void Worker::watch() {
  reactor_.add(*socket_, [this] { return on_socket(); });
  reactor_.add_fd(context_.channel.fd(), POLLIN, [this](short) { on_channel(); });
  reactor_.add_fd(context_.signals.fd(), POLLIN, [this](short) {
    while (context_.signals.next()) stopping_ = true;
  });
}

DaemonExit Worker::run() {
  context_.channel.ready();
  base::log(base::LogLevel::info, "ready");
  while (!stopping_) {
    reactor_.run_once(max_wait(now()));
    if (context_.channel.closed()) return {ExitCode::try_again, "the supervisor is gone"};
    turn();
    if (broken_) return {ExitCode::try_again, *broken_};
  }
  // What was taken in is finished; checks that run are abandoned, which is "no reply": outcome unknown to nobody but
  // the caller, and without effect.
  turn();
  flush_outbox();
  backup_.end();
  if (shard_.config.test_mode) {
    if (auto dropped = store_->drop_all_instances(); !dropped) {
      base::log(base::LogLevel::error, "drop_instances", {{"reason", base::to_string(dropped.error())}});
    }
  }
  if (auto stored = store_sightings(shard_, kAllSightings); !stored) {
    base::log(base::LogLevel::error, "store_sightings", {{"reason", base::to_string(stored.error())}});
  }
  if (auto told = tell_stop(*store_); !told) {
    base::log(base::LogLevel::error, "tell_stop", {{"reason", base::to_string(told.error())}});
  }
  if (auto closed = store_->close(); !closed) return {ExitCode::try_again, base::to_string(closed.error())};
  return {};
}

// ---- Input ----------------------------------------------------------------------

bool Worker::on_socket() {
  flush_outbox();
  bool received = false;
  // May be called several times a turn: the inbox points into the messages of its batch, which stay until it is done.
  while (inbox_.size() < shard_.config.batch_max && messages_used_ < messages_.size() &&
         outbox_bytes_ < kOutboxBytesMax) {
    transport::Message& message = messages_[messages_used_];
    if (!socket_->receive(message)) break;
    received = true;
    if (message.size() < 2) continue;
    const std::string_view frame = message.frame(message.size() - 1);
    const auto kind = protocol::backend_kind(frame);
    if (kind == protocol::BackendKind::hello) {
      on_hello(message.frame(0), frame);
    } else if (kind == protocol::BackendKind::requests && message.frame(0) == peer_id_) {
      protocol::BackendRequestReader reader(frame);
      while (const auto request = reader.next()) {
        inbox_.push_back({peer_, request->token, request->client, request->round, request->request, request->gathered});
      }
      if (reader.damaged()) base::log_limited(base::LogLevel::error, "damaged_frame");
      ++messages_used_;
    } else if (kind == protocol::BackendKind::last && message.frame(0) == peer_id_) {
      last_came_ = true;
    }
  }
  return received;
}

void Worker::on_hello(std::string_view routing_id, std::string_view frame) {
  const auto hello = protocol::decode_hello(frame);
  if (!hello) return;
  // Requests taken in from an earlier router are executed; their answers go nowhere.
  peer_id_ = std::string(routing_id);
  ++peer_;
  last_came_ = false;
  base::log(base::LogLevel::info, "router_connected",
            {{"router_incarnation", std::to_string(hello->router_incarnation)}});
  const std::string ready = protocol::encode(protocol::BackendReady{
      context_.shard.value(), context_.incarnation.value(), static_cast<std::uint32_t>(::getpid())});
  outbox_.push_back(ready);
  outbox_bytes_ += ready.size();
  flush_outbox();
}

void Worker::on_channel() {
  while (const auto command = context_.channel.receive()) {
    if (std::holds_alternative<process::Reload>(*command)) reload();
    if (std::holds_alternative<process::Drain>(*command)) draining_ = true;
    if (const auto* order = std::get_if<process::Backup>(&*command)) backup_.begin(*order, now().monotonic);
  }
}

void Worker::reload() {
  if (auto next = config::load_effective_config(context_.config_path)) {
    config::apply_reloadable(context_.config, *next);
    config::apply_reloadable(shard_.config, *next);
    base::set_log_level(shard_.config.log_level);
  } else {
    base::log(base::LogLevel::error, "reload_configuration", {{"reason", next.error().message}});
  }
  if (auto read = reload_directories(shard_, now()); !read) {
    base::log(base::LogLevel::error, "reload_directories", {{"reason", base::to_string(read.error())}});
  }
  context_.channel.reloaded(problems_json(shard_.problems));
}

void Worker::heartbeat() {
  context_.channel.heartbeat(statistics_json(shard_, {shard_.waiting.size() + inbox_.size(), failed_commits_,
                                                      last_commit_error_, refusing_.has_value(), backup_.json()}));
}

// ---- One turn ---------------------------------------------------------------------

void Worker::turn() {
  const Now time = now();
  shard_.clock.observe(time);
  if (time.monotonic >= next_heartbeat_) {
    heartbeat();
    next_heartbeat_ = time.monotonic + std::chrono::microseconds(shard_.config.heartbeat_interval);
  }
  if (context_.channel.wants_write()) context_.channel.flush();
  if (refusing_ && time.monotonic >= next_probe_) probe(time);
  const std::vector<StoredRequest> released = shard_.take_ready();
  std::vector<Incoming> batch;
  // Those that waited came earlier than anything in the inbox.
  for (const StoredRequest& request : released) batch.push_back(request.incoming());
  batch.insert(batch.end(), inbox_.begin(), inbox_.end());
  inbox_.swap(batch);
  if (!inbox_.empty()) pace_.asked(time.monotonic);
  execute_all(time);
  const Background background = refusing_ ? Background::none : choose_background(time);
  if (!refusing_) tend(time);
  const base::MonotonicTime begun = clock_.monotonic();
  if (background == Background::slices) run_slices(time);
  commit_and_answer(time);
  if (background == Background::slices) {
    pace_.sliced(begun, clock_.monotonic(), slices_left_);
  } else if (!inbox_.empty()) {
    pace_.committed(clock_.monotonic() - begun);
  }
  backup_.step(time.monotonic);
  if (background == Background::maintenance) maintain(time);
  background_turn_.give_back();
  inbox_.clear();
  messages_used_ = 0;
  // What the router sent before it knew of the drain is still on its way until it has said LAST.
  if (draining_ && is_idle() && (last_came_ || peer_id_.empty())) {
    draining_ = false;
    context_.channel.drained();
  }
}

void Worker::execute_all(Now time) {
  for (const Incoming& incoming : inbox_) {
    if (refusing_ && Shard::is_mutating(incoming)) {
      Shard::refuse(incoming, *refusing_, answers_);
    } else {
      shard_.execute(incoming, time, answers_);
    }
  }
}

// Small, and never put off.
void Worker::tend(Now time) {
  if (auto settled = shard_.changes.run_due(shard_, time); !settled) {
    base::log_limited(base::LogLevel::error, "model_change", {{"reason", base::to_string(settled.error())}});
  }
  if (time.monotonic >= next_housekeeping_) housekeeping(time);
}

bool Worker::slices_are_due(Now time) const {
  return slices_left_ || !shard_.deletions.empty() || time.monotonic >= deadlines_.next(time);
}

bool Worker::maintenance_is_due(Now time) const { return maintenance_left_ || time.monotonic >= next_maintenance_; }

// One of the two in a turn, by turns if both are due.
Worker::Background Worker::choose_background(Now time) {
  const bool slices = slices_are_due(time);
  const bool maintenance = maintenance_is_due(time);
  if (!slices && !maintenance) return Background::none;
  if (!pace_.may_work(time.monotonic, !inbox_.empty())) return Background::none;
  if (!background_turn_.try_take() && pace_.gives_way(time.monotonic)) return Background::none;
  maintained_last_ = maintenance && (!slices || !maintained_last_);
  return maintained_last_ ? Background::maintenance : Background::slices;
}

void Worker::run_slices(Now time) {
  shard_.deletions.run_slice(shard_, time, answers_, pace_.changes_max());
  slices_left_ = !shard_.deletions.empty();
  if (time.monotonic < deadlines_.next(time)) return;
  const auto more = deadlines_.run_slice(time, pace_.changes_max());
  if (!more) base::log_limited(base::LogLevel::error, "deadlines", {{"reason", base::to_string(more.error())}});
  slices_left_ = slices_left_ || (more && *more);
}

// After the replies are out; what it changes goes with the next commit.
void Worker::maintain(Now time) {
  if (refusing_) return;
  const base::MonotonicTime begun = clock_.monotonic();
  const auto more = store_->maintain(time.wall);
  if (!more) base::log_limited(base::LogLevel::error, "maintenance", {{"reason", base::to_string(more.error())}});
  maintenance_left_ = more && *more;
  next_maintenance_ = time.monotonic + (maintenance_left_ ? base::Duration(0) : base::Duration(kMaintenanceRest));
  pace_.maintained(begun, clock_.monotonic());
}

void Worker::housekeeping(Now time) {
  next_housekeeping_ = time.monotonic + kHousekeepingInterval;
  const config::Config& config = shard_.config;
  if (const auto window = config.request_key_window.microseconds) store_->forget_keys_before(time.wall - *window);
  const base::Timestamp oldest =
      config.events_retention.microseconds ? time.wall - *config.events_retention.microseconds : 0;
  auto done = store_->prune_events(oldest, config.events_bytes_max);
  if (done) done = store_sightings(shard_, kAllSightings);
  if (!done) base::log_limited(base::LogLevel::error, "housekeeping", {{"reason", base::to_string(done.error())}});
}

void Worker::commit_and_answer(Now time) {
  if (store_->has_uncommitted()) {
    if (auto stored = store_sightings(shard_, kSightingsPerCommit); !stored) {
      base::log_limited(base::LogLevel::error, "store_sightings", {{"reason", base::to_string(stored.error())}});
    }
    if (auto committed = store_->commit(); !committed) on_failed_commit(committed.error(), time);
  }
  send_answers();
}

// ---- Output -------------------------------------------------------------------------

void Worker::send_answers() {
  std::string frame;
  const auto finish = [&] {
    if (frame.empty()) return;
    outbox_bytes_ += frame.size();
    outbox_.push_back(std::move(frame));
    frame.clear();
  };
  for (const Answers::Entry& entry : answers_.entries()) {
    if (entry.peer != peer_) continue;  // that router is gone, and with it who asked
    if (frame.empty()) protocol::begin_replies(frame);
    protocol::append(frame, {entry.token, answers_.reply(entry)});
    if (frame.size() >= kReplyFrameBytes) finish();
  }
  finish();
  answers_.clear();
  flush_outbox();
}

void Worker::flush_outbox() {
  while (!outbox_.empty()) {
    const std::string_view frames[] = {peer_id_, outbox_.front()};
    if (socket_->send(frames) == transport::SendOutcome::would_block) return;
    // Sent, or the router is gone: then nobody waits for it.
    outbox_bytes_ -= outbox_.front().size();
    outbox_.pop_front();
  }
}

bool Worker::is_idle() const {
  return inbox_.empty() && outbox_.empty() && shard_.waiting.size() == 0 && shard_.deletions.empty() &&
         !shard_.has_ready();
}

base::Duration Worker::max_wait(Now time) const {
  if (shard_.has_ready() || !answers_.entries().empty()) return base::Duration(0);
  base::MonotonicTime next = next_heartbeat_;
  if (refusing_) {
    next = std::min(next, next_probe_);
  } else {
    if (const auto change = shard_.changes.next()) next = std::min(next, *change);
    base::MonotonicTime work = std::min(deadlines_.next(time), next_maintenance_);
    if (slices_left_ || maintenance_left_ || !shard_.deletions.empty()) work = time.monotonic;
    next = std::min({next, std::max(work, pace_.next()), next_housekeeping_, backup_.next()});
  }
  return std::max<base::Duration>(next - time.monotonic, base::Duration(0));
}

}  // namespace spex::shard_worker
