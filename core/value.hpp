// One column's value of a decoded row.
#pragma once

#include <cstdint>
#include <string_view>

namespace tidewire {

/// `null`, `unchanged` and `absent` are three different things: SQL NULL; a value the source did not send
/// because the change left it alone (an untouched TOAST value); and a column that this row image does not
/// have at all (a non-key column of a key-only old row).
enum class value_kind : std::uint8_t { null, unchanged, absent, text, binary };

/// Borrows: `data` points into the receive buffer and is valid until the next frame is asked for. Text and
/// binary are the source's own forms of the column's type.
struct value {
  const char* data = nullptr;
  std::uint32_t size = 0;
  value_kind kind = value_kind::null;

  bool has_bytes() const { return kind >= value_kind::text; }
  std::string_view bytes() const { return {data, size}; }
};

}  // namespace tidewire
