// The public test data, which is no part of this repository: cases over it are skipped where it is absent.
#pragma once

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/bytes.hpp"
#include "tests/paths.hpp"

namespace tidewire::mongo_wire::testing {

namespace fs = std::filesystem;

/// A folder of the data; skips the test case where there is none.
inline fs::path vectors(const char* folder) {
  fs::path path = tidewire::testing::vectors_folder() / "mongo" / folder;
  if (!fs::is_directory(path)) SKIP("no test data in " << path.string());
  return path;
}

inline std::vector<fs::path> files_in(const fs::path& folder, std::string_view extension) {
  std::vector<fs::path> found;
  for (const auto& each : fs::directory_iterator(folder))
    if (each.path().extension() == extension) found.push_back(each.path());
  std::ranges::sort(found);
  REQUIRE(!found.empty());
  return found;
}

inline std::string read_text(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  REQUIRE(in.good());
  return {std::istreambuf_iterator<char>(in), {}};
}

inline std::vector<std::uint8_t> read_bytes(const fs::path& file) {
  std::string text = read_text(file);
  return {text.begin(), text.end()};
}

inline std::vector<std::string> read_lines(const fs::path& file) {
  std::vector<std::string> lines;
  std::ifstream in(file);
  REQUIRE(in.good());
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// JSON in one spelling: without blanks, strings escaped in one way, keys in their order and as often as they
/// come. With `numeric`, numbers by their value, also those in $numberDouble, and dates with three digits.
class json_spelling : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit json_spelling(bool numeric) : numeric_(numeric) {}

  std::string text;

  bool null() override { return put("null"); }
  bool boolean(bool truth) override { return put(truth ? "true" : "false"); }
  bool number_integer(std::int64_t number) override { return put(std::to_string(number)); }
  bool number_unsigned(std::uint64_t number) override { return put(std::to_string(number)); }
  bool number_float(double number, const nlohmann::json::string_t& as_written) override {
    return put(numeric_ ? exact(number) : as_written);
  }
  bool string(std::string& value) override {
    if (numeric_ && key_ == "$numberDouble")
      return put("\"" + exact(std::strtod(value.c_str(), nullptr)) + "\"");
    if (numeric_ && key_ == "$date") pad(value);
    return put(nlohmann::json(value).dump());
  }
  bool binary(nlohmann::json::binary_t&) override { return false; }
  bool start_object(std::size_t) override { return put("{"), open(); }
  bool end_object() override { return close("}"); }
  bool start_array(std::size_t) override { return put("["), open(); }
  bool end_array() override { return close("]"); }
  bool key(std::string& name) override {
    put(nlohmann::json(name).dump());
    text += ':';
    key_ = name;
    return open();
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

 private:
  bool put(const std::string& token) {
    if (comma_) text += ',';
    text += token;
    comma_ = true;
    return true;
  }
  bool open() {
    comma_ = false;
    return true;
  }
  bool close(const char* bracket) {
    text += bracket;
    comma_ = true;
    return true;
  }
  static std::string exact(double number) {
    char out[40];
    std::snprintf(out, sizeof out, "%a", number);
    return out;
  }
  static void pad(std::string& date) {
    std::size_t point = date.find('.');
    if (point != date.npos && date.ends_with('Z'))
      while (date.size() - point < 5) date.insert(date.size() - 1, "0");
  }

  bool numeric_;
  bool comma_ = false;
  std::string key_;
};

/// Empty if the text is not JSON.
inline std::string spelled(std::string_view text, bool numeric = false) {
  json_spelling out(numeric);
  return nlohmann::json::sax_parse(text, &out) ? out.text : "";
}

}  // namespace tidewire::mongo_wire::testing
