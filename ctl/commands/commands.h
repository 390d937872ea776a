// One function per verb; each is the whole of commands/<verb>.cpp. The table
// that lists them is verbs.cpp.
#pragma once

#include "ctl/verb.h"

namespace spex::ctl {

Verb init_verb();
Verb transition_verb();
Verb mock_verb();
Verb get_verb();
Verb instances_verb();
Verb delete_verb();
Verb models_verb();
Verb export_verb();
Verb import_verb();
Verb learning_verb();
Verb specs_verb();
Verb batch_verb();
Verb replay_verb();
Verb check_verb();
Verb compare_verb();
Verb info_verb();
Verb convert_verb();
Verb reduce_verb();
Verb graph_verb();
Verb explain_verb();
Verb learn_verb();
Verb status_verb();
Verb wait_ready_verb();
Verb events_verb();
Verb reload_verb();
Verb restart_verb();
Verb backup_verb();
Verb repair_verb();
Verb restore_verb();
Verb reshard_verb();
Verb verify_verb();
Verb drain_verb();
Verb stop_verb();

}  // namespace spex::ctl
