// Worker: the loop of spex-shard-worker. Drains what waits, executes it as one
// transaction, and answers after the commit; in between time-outs, pruning,
// bulk deletions and maintenance in slices (background_pace.h), and a heartbeat
// from this very loop.
//
// While the store cannot be written, changes are refused at once, reads go on,
// and one probe commit a second finds out when it works again.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "process/daemon_main.h"
#include "shard_worker/background_pace.h"
#include "shard_worker/background_turn.h"
#include "shard_worker/check_thread.h"
#include "shard_worker/deadlines.h"
#include "shard_worker/file_backup.h"
#include "shard_worker/shard.h"
#include "transport/reactor.h"
#include "transport/socket.h"

namespace spex::shard_worker {

class Worker {
 public:
  // Opens store, directories and socket; afterwards the shard serves.
  static base::Result<std::unique_ptr<Worker>> open(process::DaemonContext& context);
  ~Worker();

  // Until a signal, a drain that is followed by one, or the end of the supervisor.
  process::DaemonExit run();

 private:
  Worker(process::DaemonContext& context, protocol::SlotMap slots, std::unique_ptr<store::InstanceStore> instances);
  base::Result<void> load();
  base::Result<void> bind();
  void watch();

  bool on_socket();
  void on_hello(std::string_view routing_id, std::string_view frame);
  void on_channel();
  void reload();
  void heartbeat();

  Now now() const { return {clock_.wall(), clock_.monotonic()}; }
  void turn();
  void execute_all(Now now);
  // What this turn does besides requests.
  enum class Background : std::uint8_t { none, slices, maintenance };
  void tend(Now now);
  bool slices_are_due(Now now) const;
  bool maintenance_is_due(Now now) const;
  Background choose_background(Now now);
  void run_slices(Now now);
  void commit_and_answer(Now now);
  void on_failed_commit(const base::Error& error, Now now);
  void housekeeping(Now now);
  void maintain(Now now);
  void probe(Now now);
  void recover(Now now);
  void send_answers();
  void flush_outbox();
  bool is_idle() const;
  base::Duration max_wait(Now now) const;

  process::DaemonContext& context_;
  base::SystemClock clock_;
  std::unique_ptr<store::InstanceStore> store_;
  transport::Reactor reactor_;
  transport::Context zmq_;
  std::optional<transport::Socket> socket_;
  std::optional<CheckThread> check_thread_;
  Shard shard_;
  Deadlines deadlines_;
  FileBackup backup_;

  std::string peer_id_;                       // routing id of the router that said HELLO last
  std::uint64_t peer_ = 0;                    // counts the HELLOs
  std::vector<transport::Message> messages_;  // of this batch; requests are views into them
  std::size_t messages_used_ = 0;             // of messages_, by this batch
  std::vector<Incoming> inbox_;
  Answers answers_;
  std::deque<std::string> outbox_;  // frames that the socket did not take
  std::size_t outbox_bytes_ = 0;

  std::optional<base::Error> refusing_;  // the last commit failed so: no changes until a probe succeeds
  base::MonotonicTime next_probe_;
  base::MonotonicTime next_housekeeping_;
  base::MonotonicTime next_maintenance_;
  base::MonotonicTime next_heartbeat_;
  std::optional<std::string> broken_;  // why this process cannot go on
  std::string last_commit_error_;
  std::uint64_t failed_commits_ = 0;
  BackgroundPace pace_;
  BackgroundTurn background_turn_;
  bool slices_left_ = false;
  bool maintenance_left_ = true;
  bool maintained_last_ = false;  // rather than run slices
  bool draining_ = false;
  bool last_came_ = false;   // the router sends nothing more
  bool start_told_ = false;  // the event of this start is in the file, or in the batch
  bool stopping_ = false;
};

}  // namespace spex::shard_worker
