// Catalog: the small tables beside the log: names of states and actions,
// specifications, implementation models, bulk jobs, settings. Names are held in
// memory; everything is written at once into the open transaction. Used by the
// packed store only, which begins and ends transactions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/byte_index.h"
#include "store/instance_store.h"
#include "store/segmented_vector.h"
#include "store/sqlite.h"

namespace spex::store {

// Texts numbered from 1, in memory and in a table (id, name, …).
class NameTable {
 public:
  static base::Result<NameTable> load(Database& database, const char* select, const char* insert, std::uint32_t max);
  std::optional<std::uint32_t> find(std::string_view name) const {
    std::uint32_t& recent = recent_[place_of(name)];
    if (this->name(recent) == name && recent != 0) return recent;
    const auto found = index_.find(name);
    if (found) recent = *found;
    return found;
  }
  std::string_view name(std::uint32_t id) const {
    return id == 0 || id >= references_.size() ? std::string_view() : index_.bytes(references_[id]);
  }
  std::uint32_t count() const { return static_cast<std::uint32_t>(references_.size()) - 1; }
  bool has(std::uint32_t id) const { return id > 0 && id < references_.size(); }
  // Adds what is not there; `open_transaction` was done before by the caller.
  base::Result<std::uint32_t> add(std::string_view name);

 private:
  NameTable() : index_(0) {}
  base::Result<void> hold(std::string_view name, std::uint32_t id);
  // A few instructions: of the beginning and the end.
  static std::uint8_t place_of(std::string_view name) {
    std::uint64_t first = name.size();
    std::uint64_t last = 0;
    if (name.size() >= sizeof first) {
      std::memcpy(&first, name.data(), sizeof first);
      std::memcpy(&last, name.data() + name.size() - sizeof last, sizeof last);
    } else if (name.size() >= 4) {
      std::memcpy(&first, name.data(), 4);
      std::memcpy(&last, name.data() + name.size() - 4, 4);
    } else {
      for (const char c : name) last = last << 8 | static_cast<unsigned char>(c);
    }
    constexpr std::uint64_t kOdd = 0x9E3779B97F4A7C15;
    const std::uint64_t both = first * kOdd ^ last;
    return static_cast<std::uint8_t>((both ^ both >> 32) * kOdd >> 56);
  }
  ByteIndex index_;
  mutable std::array<std::uint32_t, 256> recent_{};  // numbers found lately: a system uses few names all the time
  SegmentedVector<ByteIndex::Reference> references_;
  std::uint32_t max_ = 0;
  Statement insert_;
};

class Catalog {
 public:
  static constexpr std::uint32_t kBulkJobsMax = 1'024;

  static base::Result<std::unique_ptr<Catalog>> load(Database& database, std::uint32_t names_max);

  NameTable& names() { return names_; }
  const NameTable& names() const { return names_; }
  NameTable& specifications() { return specifications_; }
  const NameTable& specifications() const { return specifications_; }

  base::Result<void> save_specification(std::uint16_t specification, std::string_view text);
  base::Result<std::string> specification_text(std::uint16_t specification);

  base::Result<std::vector<StoredModel>> models();
  base::Result<void> save_model(SpecificationId specification, bool learning, std::string_view source_hash);
  base::Result<void> remove_model(SpecificationId specification);
  base::Result<bool> set_model_learning(SpecificationId specification, bool learning);  // false: no such model
  base::Result<void> save_transition(SpecificationId specification, const StoredTransition& transition);

  base::Result<std::optional<BulkJob>> bulk_job(const RequestKey& key);
  base::Result<std::vector<StoredBulkJob>> bulk_jobs();
  bool has_bulk_jobs() const { return bulk_jobs_ > 0; }
  base::Result<void> save_bulk_job(const BulkJob& job, base::Timestamp now);
  // Removes the oldest job if it is older than `time` or there are too many; its key.
  base::Result<std::optional<RequestKey>> drop_bulk_job(base::Timestamp time);

  base::Result<void> put_setting(std::string_view key, std::string_view value);
  base::Result<std::optional<std::string>> setting(std::string_view key);
  base::Result<std::vector<std::pair<std::string, std::string>>> settings();

 private:
  Catalog(Database& database, NameTable names, NameTable specifications)
      : database_(database), names_(std::move(names)), specifications_(std::move(specifications)) {}
  base::Result<void> prepare();
  base::Result<void> read_transitions(std::vector<StoredModel>& models);

  Database& database_;
  NameTable names_;
  NameTable specifications_;
  Statement save_text_, text_, models_, save_model_, remove_model_, remove_transitions_, set_learning_, transitions_,
      save_transition_, bulk_job_, save_bulk_job_, oldest_bulk_job_, remove_bulk_job_, put_setting_, setting_;
  std::int64_t bulk_jobs_ = 0;
};

}  // namespace spex::store
