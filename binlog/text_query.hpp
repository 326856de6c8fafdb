// Statements and their results as text.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "binlog/session.hpp"

namespace tidewire::binlog {

/// A small result, owned.
struct text_result {
  std::vector<std::string> columns;
  std::vector<std::vector<std::optional<std::string>>> rows;

  /// A value of the first row, empty for NULL or where there is none.
  std::string_view first(std::size_t column = 0) const;
};

inline constexpr std::size_t max_result_rows = 1'000'000;
inline constexpr std::size_t max_result_bytes = std::size_t{64} << 20;

/// Throws server_failure ("<doing>: …"), failure TW-MY-RESULT-LIMIT, TW-MY-MALFORMED.
conversation<text_result> text_query(session& with, std::string sql, std::string doing);

/// Says goodbye.
conversation<> quit(session& with);

}  // namespace tidewire::binlog
