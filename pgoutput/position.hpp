// A Postgres position as it is stored: where the next transaction's commit record may start, and on which
// timeline that was read. Printed as 0/16B3790@1.
#pragma once

#include "wire/lsn.hpp"

namespace tidewire::pgoutput {

struct position {
  wire::lsn at;
  std::uint32_t timeline = 0;  // 0: unknown

  friend bool operator==(const position&, const position&) = default;
};

inline std::string to_string(const position& of) {
  return to_string(of.at) + "@" + std::to_string(of.timeline);
}

inline std::optional<position> parse_position(std::string_view text) {
  std::size_t mark = text.find('@');
  if (mark == text.npos) return std::nullopt;
  auto at = wire::parse_lsn(text.substr(0, mark));
  position found;
  auto [end, error] = std::from_chars(text.data() + mark + 1, text.data() + text.size(), found.timeline);
  if (!at || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  found.at = *at;
  return found;
}

}  // namespace tidewire::pgoutput
