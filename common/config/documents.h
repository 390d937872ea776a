// The two texts generated from the parameter table: config/spexd.conf and
// docs/configuration.md. A test fails when the files differ from these.
#pragma once

#include <string>

namespace spex::config {

std::string default_config_file();     // every parameter, commented out at its default
std::string configuration_document();  // Markdown

}  // namespace spex::config
