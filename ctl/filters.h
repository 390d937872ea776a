// Filters of the command line and of batch in their wire form.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "protocol/value.h"

namespace spex::ctl {

// Instances of `specification` that match `where` (the filter language); nil if neither is given.
base::Result<protocol::Value> filter_of(const std::optional<std::string>& specification,
                                        const std::optional<std::string>& where);

// The filter of a batch line: {"where": TEXT} becomes its wire form, everything else stays.
base::Result<protocol::Value> filter_of_document(const protocol::Value& document);

// Both; nil matches all.
protocol::Value conjunction(protocol::Value left, protocol::Value right);
protocol::Value specification_is(const protocol::Value& specification);

}  // namespace spex::ctl
