// What the files of the asking share. For mongo_wire/check_ask*.cpp only.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>

#include "mongo_wire/check_ask.hpp"

namespace tidewire::mongo_wire {

inline constexpr const char* not_understood = "the server's answer is not what it must be";
inline constexpr std::int32_t unauthorized = 13;

/// The server's words. Of a right that is missing the command is left out, which would be shown whole.
inline std::string words_of(const reply_view& reply) {
  std::string text(reply.message);
  if (reply.code == unauthorized) text = text.substr(0, text.find(" { "));
  if (text.size() > 500) text.resize(500);
  return text + " (" + std::to_string(reply.code) +
         (reply.code_name.empty() ? "" : " " + std::string(reply.code_name)) + ")";
}

/// A field inside of fields; an element that is false where any of them is missing or no document.
inline element_view at(bson_view document, std::initializer_list<std::string_view> path) {
  element_view found;
  std::size_t left = path.size();
  for (std::string_view name : path) {
    auto next = find(document, name);
    if (!next || !*next) return {};
    found = *next;
    if (--left == 0) break;
    auto inner = found.as_document();
    if (!inner) inner = found.as_array();
    if (!inner) return {};
    document = *inner;
  }
  return found;
}

inline std::string text_at(bson_view document, std::initializer_list<std::string_view> path) {
  return std::string(at(document, path).as_string().value_or(""));
}

inline std::vector<std::uint8_t> just(std::string_view name) {
  return command_fields([&](bson_writer& to) { to.put_int32(name, 1); });
}

inline std::optional<double> seconds_at(bson_view document, std::initializer_list<std::string_view> path) {
  auto stamp = at(document, path).as_timestamp();
  if (!stamp) return {};
  return stamp->time;
}

}  // namespace tidewire::mongo_wire
