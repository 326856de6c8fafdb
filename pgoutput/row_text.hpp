// Values of a catalog's row, by what they are: NULL and what is not there are empty, false or 0.
#pragma once

#include <charconv>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

namespace tidewire::pgoutput {

/// A row of wire::result_set.
using text_row = std::vector<std::optional<std::string>>;

inline std::string text_at(const text_row& row, std::size_t column) {
  return column < row.size() ? row[column].value_or("") : "";
}

/// As SQL prints it, or JSON.
inline bool truth_at(const text_row& row, std::size_t column) {
  std::string value = text_at(row, column);
  return value == "t" || value == "true";
}

template <class T>
T number_at(const text_row& row, std::size_t column) {
  std::string value = text_at(row, column);
  T parsed{};
  std::from_chars(value.data(), value.data() + value.size(), parsed);
  return parsed;
}

inline std::optional<double> real_at(const text_row& row, std::size_t column) {
  if (column >= row.size() || !row[column]) return std::nullopt;
  return std::strtod(row[column]->c_str(), nullptr);
}

inline char letter_at(const text_row& row, std::size_t column, char otherwise) {
  std::string value = text_at(row, column);
  return value.empty() ? otherwise : value[0];
}

}  // namespace tidewire::pgoutput
