#include "binlog/position.hpp"

#include <charconv>

namespace tidewire::binlog {

namespace {

constexpr std::string_view gtid_word = "gtid:", domains_word = "domains:", file_word = "file:";

}  // namespace

bool contains(const position& at, const position& other) {
  switch (other.kind) {
    case position_kind::gtid_set: return at.executed.contains(other.executed);
    case position_kind::domains: return at.domains.contains(other.domains);
    case position_kind::file:
      // Names end in a number that may grow by a digit.
      if (at.file.size() != other.file.size()) return at.file.size() > other.file.size();
      return at.file != other.file ? at.file > other.file : at.offset >= other.offset;
  }
  return false;
}

std::string to_string(const position& of) {
  switch (of.kind) {
    case position_kind::gtid_set: return std::string(gtid_word) + of.executed.text(",");
    case position_kind::domains: return std::string(domains_word) + of.domains.text();
    case position_kind::file: return std::string(file_word) + of.file + ":" + std::to_string(of.offset);
  }
  return {};
}

std::optional<position> parse_position(std::string_view text) {
  position out;
  if (text.starts_with(gtid_word)) {
    auto set = gtid_set::parse(text.substr(gtid_word.size()));
    if (!set) return std::nullopt;
    out.executed = std::move(*set);
    return out;
  }
  if (text.starts_with(domains_word)) {
    out.kind = position_kind::domains;
    auto domains = mariadb_gtid_position::parse(text.substr(domains_word.size()));
    if (!domains) return std::nullopt;
    out.domains = std::move(*domains);
    return out;
  }
  if (!text.starts_with(file_word)) return std::nullopt;
  out.kind = position_kind::file;
  text.remove_prefix(file_word.size());
  std::size_t colon = text.rfind(':');
  if (colon == text.npos || colon == 0) return std::nullopt;
  std::string_view number = text.substr(colon + 1);
  auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), out.offset);
  if (error != std::errc{} || end != number.data() + number.size() || out.offset < 4) return std::nullopt;
  out.file = text.substr(0, colon);
  return out;
}

}  // namespace tidewire::binlog
