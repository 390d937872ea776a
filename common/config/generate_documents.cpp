// Prints one of the documents generated from the parameter table; used by
// scripts/generate-docs, never installed.
#include <iostream>
#include <string>

#include "config/documents.h"

int main(int argc, char** argv) {
  const std::string wanted = argc == 2 ? argv[1] : "";
  if (wanted == "spexd.conf") {
    std::cout << spex::config::default_config_file();
  } else if (wanted == "configuration.md") {
    std::cout << spex::config::configuration_document();
  } else {
    std::cerr << "usage: generate_config_documents spexd.conf|configuration.md\n";
    return 64;
  }
  return std::cout.flush() ? 0 : 75;
}
