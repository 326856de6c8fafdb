// Column values in binary form → their text, for tests/servers/test_binary_text.py. Answers each line of
// standard input:
//
//   type OID TYPTYPE SENDFUNCTION ELEMENT DELIMITER   a type that is not built in: no answer
//   builtin                                           the table of built-in types, as many lines as it has
//   OID HEX                                           "=" and the text in hex | "?" | "! CODE OFFSET FIELD"
#include <charconv>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "pgoutput/binary_text.hpp"
#include "pgoutput/builtin_types.hpp"

using namespace tidewire;
using namespace tidewire::pgoutput;

namespace {

class told_types final : public type_lookup {
 public:
  std::optional<type_info> find(std::uint32_t oid) const override {
    auto at = types_.find(oid);
    return at == types_.end() ? std::nullopt : std::optional(at->second);
  }

  bool tell(const std::string& line) {
    std::istringstream words(line);
    std::string word, kind, send;
    std::uint32_t oid = 0;
    type_info type;
    if (!(words >> word >> oid >> kind >> send >> type.element >> type.delimiter)) return false;
    type.form = kind == "d" ? binary_form::domain : form_of_send_function(send);
    types_[oid] = type;
    return true;
  }

 private:
  std::map<std::uint32_t, type_info> types_;
};

bool unhex(std::string_view text, std::vector<std::uint8_t>& out) {
  out.clear();
  for (; text.size() >= 2; text.remove_prefix(2)) {
    std::uint8_t byte = 0;
    auto [end, wrong] = std::from_chars(text.data(), text.data() + 2, byte, 16);
    if (wrong != std::errc{} || end != text.data() + 2) return false;
    out.push_back(byte);
  }
  return text.empty();
}

std::string hex(std::string_view text) {
  constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (char c : text) {
    out.push_back(digits[static_cast<unsigned char>(c) >> 4]);
    out.push_back(digits[static_cast<unsigned char>(c) & 15]);
  }
  return out;
}

}  // namespace

int main() {
  std::ios::sync_with_stdio(false);
  told_types types;
  std::vector<std::uint8_t> bytes;
  std::string text;
  for (std::string line; std::getline(std::cin, line);) {
    if (line == "builtin") {
      for (const builtin_type& each : builtin_types)
        std::cout << each.oid << ' ' << each.name << ' ' << each.category << ' ' << each.delimiter << ' '
                  << each.element << '\n';
      continue;
    }
    if (line.starts_with("type ") && types.tell(line)) continue;
    std::uint32_t oid = 0;
    auto [end, wrong] = std::from_chars(line.data(), line.data() + line.size(), oid);
    auto hex_from = static_cast<std::size_t>(end - line.data()) + 1;
    bool good = wrong == std::errc{} && hex_from <= line.size() &&
                unhex(std::string_view(line).substr(hex_from), bytes);
    if (!good) {
      std::cerr << "cannot read this line: " << line.substr(0, 200) << '\n';
      return 2;
    }
    text.clear();
    // An exact copy on the heap, so that a sanitizer sees reads beyond it.
    auto appended = append_binary_text(oid, std::vector<std::uint8_t>(bytes), types, text);
    if (!appended)
      std::cout << "! " << to_string(appended.error().code) << ' ' << appended.error().offset << ' '
                << appended.error().field << '\n';
    else
      std::cout << (*appended ? "=" + hex(text) : "?") << '\n';
  }
}
