#include "protocol/messages.h"

#include <array>

namespace spex::protocol {
namespace {

using enum Operation;

const std::vector<OperationInfo> kOperations = {
    {init_instance, "init_instance", Route::keyed, true, false},
    {transition, "transition", Route::keyed, true, false},
    {mock_instance, "mock_instance", Route::keyed, true, false},
    {get_instance, "get_instance", Route::keyed, false, false},
    {delete_instance, "delete_instance", Route::keyed, true, false},
    {init_instance_async, "init_instance_async", Route::keyed, true, true},
    {transition_async, "transition_async", Route::keyed, true, true},
    {all_instances, "all_instances", Route::paged, false, false},
    {read_events, "read_events", Route::paged, false, false},
    {delete_instances, "delete_instances", Route::scatter_sum, true, false},
    {all_impl_models, "all_impl_models", Route::merge_one, false, false},
    {export_impl_models, "export_impl_models", Route::merge_one, false, false},
    {set_learning_mode, "set_learning_mode", Route::merge_all, true, false},
    {import_impl_model, "import_impl_model", Route::merge_all, true, false},
    {define_specification, "define_specification", Route::merge_all, true, false},
    {remove_specification, "remove_specification", Route::merge_all, true, false},
    {list_specifications, "list_specifications", Route::merge_one, false, false},
    {show_specification, "show_specification", Route::any_shard, false, false},
    {check_impl_model, "check_impl_model", Route::merge_one, false, false},
    {ping, "ping", Route::local, false, false},
    {shard_map, "shard_map", Route::local, false, false},
    {control, "control", Route::supervisor, false, false},
};

// By number, so that finding one costs a load on the hot path.
constexpr std::size_t kNumbersMax = 64;
std::array<const OperationInfo*, kNumbersMax> make_index() {
  std::array<const OperationInfo*, kNumbersMax> index{};
  for (const OperationInfo& info : kOperations) index[static_cast<std::size_t>(info.operation)] = &info;
  return index;
}
const std::array<const OperationInfo*, kNumbersMax> kIndex = make_index();

}  // namespace

const OperationInfo* find_operation(std::uint64_t number) { return number < kNumbersMax ? kIndex[number] : nullptr; }

const OperationInfo* find_operation(std::string_view name) {
  for (const OperationInfo& info : kOperations) {
    if (info.name == name) return &info;
  }
  return nullptr;
}

const std::vector<OperationInfo>& all_operations() { return kOperations; }

}  // namespace spex::protocol
