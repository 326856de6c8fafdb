// How far a copy of tables is, for whoever watches it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tidewire {

struct copy_totals {
  std::uint64_t rows = 0;
  std::uint64_t bytes_in = 0;  // of rows as they came, also of chunks that go on
  std::size_t tables_done = 0, tables = 0;
  std::uint64_t table_bytes_done = 0, table_bytes = 0;  // as stored by the server
};

}  // namespace tidewire
