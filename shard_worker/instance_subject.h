// InstanceSubject: one stored instance as a filter sees it. The part that is in
// the file is read only when a filter asks for it.
#pragma once

#include <optional>

#include "protocol/codec.h"
#include "protocol/filter.h"
#include "store/instance_store.h"

namespace spex::shard_worker {

class InstanceSubject final : public protocol::FilterSubject {
 public:
  InstanceSubject(store::InstanceStore& instances, const store::Instance& instance, base::Timestamp now)
      : store_(instances), instance_(instance), now_(now) {}

  std::string_view specification() const override { return store_.specification_name(instance_.specification); }
  std::string_view current_state() const override { return store_.name(instance_.current_state); }
  std::int64_t idle() const override { return now_ - instance_.last_record_at; }
  base::Timestamp created() const override { return details().created_at; }
  protocol::Value meta() const override {
    if (details().meta.empty()) return {};
    auto value = protocol::decode_value(details().meta);
    return value ? std::move(value).value() : protocol::Value();
  }

 private:
  // Of a damaged record nothing is known; its counter and its own reads tell that.
  const store::InstanceDetails& details() const {
    if (!details_) {
      auto read = store_.details(instance_.number);
      details_ = read ? std::move(read).value() : store::InstanceDetails{};
    }
    return *details_;
  }

  store::InstanceStore& store_;
  const store::Instance& instance_;
  base::Timestamp now_;
  mutable std::optional<store::InstanceDetails> details_;
};

}  // namespace spex::shard_worker
