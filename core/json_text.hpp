// Small JSON documents as strings, where speed does not matter: reports and log lines.
#pragma once

#include <string>
#include <string_view>

#include "core/json.hpp"

namespace tidewire::json {

/// A quoted string; {"hex":"…"} for what is not UTF-8.
inline std::string quoted(std::string_view text) {
  std::string padded(text);
  padded.append(input_padding, '\0');
  std::string out(text.size() * worst_growth + output_slack, '\0');
  out.resize(static_cast<std::size_t>(put_string(out.data(), padded.data(), text.size()) - out.data()));
  return out;
}

/// "name":"text", with a comma in front unless it is the object's first.
inline void add_member(std::string& object, std::string_view name, std::string_view text) {
  if (!object.ends_with('{')) object += ',';
  object += quoted(name) + ':' + quoted(text);
}

/// The same for a value that is JSON already.
inline void add_raw(std::string& object, std::string_view name, std::string_view value) {
  if (!object.ends_with('{')) object += ',';
  object += quoted(name) + ':' + std::string(value);
}

/// [ each, … ] of values that are JSON already.
template <class List, class ToJson>
std::string array_of(const List& list, ToJson to_json) {
  std::string out = "[";
  for (const auto& each : list) {
    if (out.size() > 1) out += ',';
    out += to_json(each);
  }
  return out + ']';
}

}  // namespace tidewire::json
