// spexd: the supervisor daemon. Command line in, exit code out.
#include <cstdio>

#include "supervisor/supervisor.h"

int main(int argc, char** argv) {
  using namespace spex;
  const auto options = supervisor::parse_options({argv + 1, argv + argc});
  if (!options) {
    std::fprintf(stderr, "spexd: %s (spexd --help says more)\n", options.error().message.c_str());
    return static_cast<int>(process::ExitCode::usage);
  }
  if (options->help) {
    std::fputs(supervisor::help_text().c_str(), stdout);
    return 0;
  }
  if (options->version) {
    std::printf("spexd %s\n", SPEX_VERSION);
    return 0;
  }
  return supervisor::supervise(*options);
}
