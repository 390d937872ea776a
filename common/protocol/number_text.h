// Floats as text, for JSON and filters: the shortest text that reads back as
// the same float, always with `.` or an exponent so that it stays one.
#pragma once

#include <string>

namespace spex::protocol {

// `number` is finite.
void append_float(std::string& out, double number);

}  // namespace spex::protocol
