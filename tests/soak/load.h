// Load: several clients of the C++ library, one thread each, with and without
// request keys, that do random operations on many instances at once and write
// down what they asked and what they were told. Knows nothing of faults.
//
// What an operation does follows from its number (see plan_of), so that a record
// that is read back can be judged without a table.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "clients/cpp/client.h"
#include "soak/history.h"

namespace spex::soak {

struct LoadOptions {
  std::string endpoint;
  unsigned clients = 6;                  // every third one works without keys
  unsigned instances = 200;              // at a time; each gives way to a new one after some operations
  double operations_per_second = 3'000;  // of all clients together
  std::size_t window = 64;               // requests under way per client
  std::uint64_t seed = 1;
};

// Specifications and models that the load works with: `ring` is closed, `learned` has no model at first.
std::string specification_text(const std::string& name);
std::string closed_model_text(const std::string& name);

class Load {
 public:
  Load(LoadOptions options, HistoryWriter& history);
  ~Load();
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  void start();
  // The client's socket is closed at once, and what it had under way is forgotten; another takes its place.
  void drop_client(unsigned index) { drops_[index] = true; }
  // Nothing new is asked; returns when each request has its answer.
  void finish();
  // Reads every instance there ever was.
  void read_everything();

  Micros now() const;
  std::uint64_t acknowledged() const { return acknowledged_; }

 private:
  struct Slot {
    std::atomic<std::uint64_t> instance;
    std::atomic<int> left = 0;           // operations until the next instance takes its place
    std::atomic<bool> is_there = false;  // a guess
  };

  void run(unsigned index);
  std::unique_ptr<client::Client> connect(bool keyed) const;
  void submit_random(client::Client& client, unsigned index, bool keyed, std::mt19937_64& random);
  void submit(client::Client& client, Operation operation);
  void settle(Operation operation, client::Answer& answer);
  void renew(Slot& slot, std::uint64_t random);

  LoadOptions options_;
  HistoryWriter& history_;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  std::vector<Slot> slots_;
  std::vector<std::atomic<bool>> drops_;
  std::atomic<std::uint64_t> next_number_ = 1;
  std::atomic<std::uint64_t> next_instance_ = 1;
  std::atomic<std::uint64_t> acknowledged_ = 0;
  std::atomic<bool> finishing_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace spex::soak
