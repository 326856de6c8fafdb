// JSON where speed does not matter: logs, reports, what is made once per table.
#pragma once

#include <string>
#include <string_view>

#include "core/json.hpp"

namespace tidewire::json {

/// A JSON string with its quotes; what is not UTF-8 becomes an object as in put_string.
inline std::string quoted(std::string_view text) {
  std::string padded(text);
  padded.append(input_padding, '\0');
  std::string out(text.size() * worst_growth + output_slack, '\0');
  char* end = put_string(out.data(), padded.data(), text.size());
  out.resize(static_cast<std::size_t>(end - out.data()));
  return out;
}

}  // namespace tidewire::json
