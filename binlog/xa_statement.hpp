// The id that an XA statement names.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "binlog/query_kind.hpp"
#include "binlog/transaction_end.hpp"

namespace tidewire::binlog {

inline std::string xa_text(const xa_id_view& id) {
  char text[xa_text_size];
  return {text, put_xa_id(text, id)};
}

namespace detail {

/// X'hex' or 'text', as the servers write them. False if it is neither.
inline bool take_xa_part(std::string_view& left, std::vector<std::uint8_t>& part) {
  bool hex = left.starts_with("X'") || left.starts_with("x'");
  if (hex) left.remove_prefix(1);
  if (!left.starts_with('\'')) return false;
  std::size_t end = left.find('\'', 1);
  if (end == left.npos) return false;
  std::string_view inside = left.substr(1, end - 1);
  left.remove_prefix(end + 1);
  if (!hex) {
    part.assign(inside.begin(), inside.end());
    return part.size() <= max_xa_part_bytes;
  }
  if (inside.size() % 2 || inside.size() > 2 * max_xa_part_bytes) return false;
  auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c = static_cast<char>(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  for (std::size_t i = 0; i < inside.size(); i += 2) {
    int high = digit(inside[i]), low = digit(inside[i + 1]);
    if (high < 0 || low < 0) return false;
    part.push_back(static_cast<std::uint8_t>(high << 4 | low));
  }
  return true;
}

}  // namespace detail

/// Of XA START, END, PREPARE, COMMIT and ROLLBACK, in the form of xa_text; nothing if it can't be read.
inline std::optional<std::string> xa_id_of(std::string_view sql) {
  detail::word_reader words(sql);
  words.next();
  words.next();
  std::string_view left = words.rest();
  std::vector<std::uint8_t> gtrid, bqual;
  xa_id_view id;
  if (!detail::take_xa_part(left, gtrid)) return std::nullopt;
  if (left.starts_with(',')) {
    left.remove_prefix(1);
    if (!detail::take_xa_part(left, bqual)) return std::nullopt;
    if (left.starts_with(',')) {
      std::uint64_t format = 0;
      left.remove_prefix(1);
      std::size_t digits = 0;
      for (; digits < left.size() && digits < 10 && left[digits] >= '0' && left[digits] <= '9'; ++digits)
        format = format * 10 + static_cast<std::uint64_t>(left[digits] - '0');
      if (digits == 0 || format > 0xffffffff) return std::nullopt;
      id.format = static_cast<std::uint32_t>(format);
    }
  }
  id.gtrid = gtrid;
  id.bqual = bqual;
  return xa_text(id);
}

}  // namespace tidewire::binlog
