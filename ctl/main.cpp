// spexctl: the command line of a spexd cluster. See program.h and verbs.cpp.
#include <string>
#include <vector>

#include "base/log.h"
#include "ctl/program.h"

int main(int argc, char** argv) {
  spex::base::set_log_identity("process=spexctl");
  spex::base::set_log_level(spex::base::LogLevel::error);
  return spex::ctl::run_program(std::vector<std::string>(argv + 1, argv + argc));
}
