// The options of a connection string, one by one.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "mongo_wire/connection_string.hpp"

namespace tidewire::mongo_wire {

constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

/// Nothing if a percent sign is not followed by two hex digits.
std::optional<std::string> percent_decode(std::string_view text);

/// Takes options in their order, then finish().
class option_reader {
 public:
  /// `txt_record`: three options are legal and none replaces what is there.
  option_reader(connection_options& to, bool txt_record) : to_(to), txt_record_(txt_record) {}

  /// Throws failure TW-USAGE-CONNECTION-STRING for what contradicts itself.
  void take(std::string_view name, std::string value);
  void finish();

 private:
  bool is_new(const std::string& key);
  void warn(std::string text) { to_.warnings.push_back(std::move(text)); }
  bool known(const std::string& key, const std::string& value);
  bool text(const std::string& key, const std::string& value);
  bool secret_text(const std::string& key, std::string& value);
  bool truth(const std::string& key, const std::string& value);
  bool number(const std::string& key, const std::string& value);
  bool mechanism(const std::string& value);
  bool properties(const std::string& value);
  bool compressors(const std::string& value);
  bool read_mode_of(const std::string& value);
  bool tags(const std::string& value);

  connection_options& to_;
  bool txt_record_;
  std::set<std::string> seen_;
  std::optional<bool> insecure_;
};

}  // namespace tidewire::mongo_wire
