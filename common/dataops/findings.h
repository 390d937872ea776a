// What a check of stored data found: sentences for people, by shard.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace spex::dataops {

// Sentences about one file; the first ones are kept, all are counted.
class Findings {
 public:
  static constexpr std::size_t kKept = 100;
  void add(std::string sentence) {
    if (sentences_.size() < kKept) sentences_.push_back(std::move(sentence));
    ++count_;
  }
  bool empty() const { return count_ == 0; }
  std::uint64_t count() const { return count_; }
  const std::vector<std::string>& sentences() const { return sentences_; }

 private:
  std::vector<std::string> sentences_;
  std::uint64_t count_ = 0;
};

}  // namespace spex::dataops
