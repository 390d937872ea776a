// What a fuzz target consists of. Under libFuzzer (option `fuzzers`) its engine
// calls LLVMFuzzerTestOneInput; otherwise fuzz_driver.cpp is the main program: it
// runs the seeds and a fixed number of mutations of them, the same ones each time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

// Aborts where a property does not hold; otherwise returns 0.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

// Inputs that are worth mutating. `directory` is the project's tests/data.
std::vector<std::string> fuzz_seeds(const std::string& directory);
