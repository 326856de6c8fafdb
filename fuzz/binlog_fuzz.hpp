// What the binlog's fuzz targets share.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "binlog/binlog.hpp"

namespace tidewire::binlog::fuzzing {

inline void require(bool holds) {
  if (!holds) __builtin_trap();
}

template <class T>
void sink(const T& value) {
  asm volatile("" ::"g"(&value) : "memory");
}

/// An exact copy on the heap, so that a read beyond its end is seen.
inline std::vector<std::uint8_t> exact(byte_view of) {
  return {of.begin(), of.end()};
}

/// Reads every byte, so that views into freed or foreign memory are seen.
inline void touch(byte_view bytes) {
  unsigned sum = 0;
  for (std::uint8_t byte : bytes) sum += byte;
  sink(sum);
}
inline void touch(std::string_view text) {
  touch(as_bytes(text));
}

/// An error must have a code and a field, and its offset must lie in what was decoded.
inline void check_error(const decode_error& error, std::size_t size) {
  require(error.code != decode_errc::none && *error.field);
  require(error.offset <= size);
  sink(error);
}

template <class T>
bool good(const decoded<T>& result, std::size_t size) {
  if (!result) check_error(result.error(), size);
  sink(result);
  return result.has_value();
}

inline void use_rows(const event_view& event, const format_description& format,
                     const table_definition& table) {
  auto rows = decode_rows(event, format);
  if (!good(rows, event.bytes.size()) || rows->is_dummy()) return;
  std::vector<cell> before(table.columns.size()), after(table.columns.size());
  rows_reader reader(*rows, table, before, after);
  static row_text before_text, after_text;
  std::size_t last = reader.offset();
  for (int count = 0; count < 200; ++count) {
    auto more = reader.next();
    if (!good(more, event.bytes.size()) || !*more) return;
    require(reader.offset() > last);
    last = reader.offset();
    for (auto [text, cells, old] : {std::tuple{&before_text, reader.before(), std::span<const cell>{}},
                                    std::tuple{&after_text, reader.after(), reader.before()}}) {
      for (const cell& each : cells) {
        require(each.kind == cell_kind::present || each.kind == cell_kind::diff || each.size == 0);
        touch(each.bytes());
      }
      auto values = text->render(*rows, table, cells, old);
      if (!good(values, event.bytes.size())) continue;
      require(values->size() == cells.size());
      for (const value& each : *values) touch(each.bytes());
    }
  }
}

}  // namespace tidewire::binlog::fuzzing
