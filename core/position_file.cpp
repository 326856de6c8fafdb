// The position file's text (docs/position_file.md).
#include <algorithm>
#include <array>
#include <charconv>
#include <openssl/evp.h>
#include <stdexcept>

#include "core/cursor.hpp"
#include "core/position_store.hpp"

namespace tidewire {
namespace {

constexpr std::string_view magic = "tidewire position ";
constexpr std::string_view version = "1";
constexpr std::string_view version_with_copy = "2";
constexpr std::string_view copy_prefix = "copy ";
constexpr std::string_view identity_prefix = "identity.";
constexpr std::string_view checksum_line = "\nchecksum ";
constexpr std::string_view hex_digits = "0123456789abcdef";
constexpr std::size_t checksum_digits = 64;

/// In names the space too is written as an escape: the first plain one ends the name.
bool is_escaped(char c, bool in_name) {
  return (c >= 0 && c < 0x20) || c == 0x7f || c == '\\' || (in_name && c == ' ');
}

/// How long the text stands for itself, from its beginning.
std::size_t plain_length(std::string_view text, bool in_name) {
  auto end = std::ranges::find_if(text, [in_name](char c) { return is_escaped(c, in_name); });
  return static_cast<std::size_t>(end - text.begin());
}

void append_escaped(std::string& out, std::string_view text, bool in_name) {
  for (;;) {
    std::size_t plain = plain_length(text, in_name);
    out += text.substr(0, plain);
    if (plain == text.size()) return;
    auto byte = static_cast<unsigned char>(text[plain]);
    out += "\\x";
    out += hex_digits[byte >> 4];
    out += hex_digits[byte & 15];
    text.remove_prefix(plain + 1);
  }
}

void append_line(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ' ';
  append_escaped(out, value, false);
  out += '\n';
}

/// The lines between the first and the last, with offsets that count from the start of the file.
class line_reader {
 public:
  line_reader(std::string_view file, std::size_t begin, std::size_t end)
      : lines_(file.substr(0, end)), at_(begin) {}

  bool next_is_identity() const { return lines_.substr(at_).starts_with(identity_prefix); }
  bool next_is_copy() const { return lines_.substr(at_).starts_with(copy_prefix); }

  std::pair<std::string, std::string> identity() {
    std::string_view line = take_line("identity");
    std::size_t space = std::min(line.find(' '), line.size());
    if (space == line.size()) fail(line_start_, "identity");
    if (space == identity_prefix.size()) fail(line_start_, "identity");
    std::string name = unescaped(line.substr(0, space), identity_prefix.size(), true, "identity");
    return {std::move(name), unescaped(line, space + 1, false, "identity")};
  }

  std::string text(std::string_view name, const char* field) {
    std::string_view line = take_line(field);
    if (!line.starts_with(name) || line.substr(name.size(), 1) != " ") {
      fail(line_start_, field);
      return {};
    }
    return unescaped(line, name.size() + 1, false, field);
  }

  std::uint64_t number(std::string_view name, const char* field) {
    std::string digits = text(name, field);
    std::uint64_t value = 0;
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    // One text for one number.
    if (error != std::errc{} || std::to_string(value) != digits) fail(line_start_ + name.size() + 1, field);
    return value;
  }

  void fail(std::size_t offset, const char* field, decode_errc code = decode_errc::bad_value) {
    if (error_.code == decode_errc::none) error_ = {code, offset, field};
  }
  std::size_t line_start() const { return line_start_; }

  decoded<stored_position> finish(stored_position result) {
    if (at_ != lines_.size()) fail(at_, "line");
    if (error_.code != decode_errc::none) return std::unexpected(error_);
    return result;
  }

 private:
  /// Without its end. Empty if there is no more, which is no legal line.
  std::string_view take_line(const char* field) {
    line_start_ = at_;
    if (at_ == lines_.size()) fail(at_, field, decode_errc::truncated);
    std::string_view line = lines_.substr(at_, lines_.find('\n', at_) - at_);
    at_ = std::min(at_ + line.size() + 1, lines_.size());
    return line;
  }

  std::string unescaped(std::string_view line, std::size_t from, bool in_name, const char* field) {
    std::string out;
    for (std::size_t i = from; i < line.size(); ++i) {
      std::size_t plain = plain_length(line.substr(i), in_name);
      out += line.substr(i, plain);
      i += plain;
      if (i == line.size()) break;
      char c = line[i];
      if (c == '\\') {
        std::size_t high = i + 2 < line.size() ? hex_digits.find(line[i + 2]) : hex_digits.npos;
        std::size_t low = i + 3 < line.size() ? hex_digits.find(line[i + 3]) : hex_digits.npos;
        if (high == hex_digits.npos || low == hex_digits.npos || line[i + 1] != 'x') {
          fail(line_start_ + i, field);
          return {};
        }
        c = static_cast<char>(high << 4 | low);
        if (!is_escaped(c, in_name)) fail(line_start_ + i, field);
        i += 3;
      } else {
        fail(line_start_ + i, field);
      }
      out += c;
    }
    return out;
  }

  std::string_view lines_;
  std::size_t at_;
  std::size_t line_start_ = 0;
  decode_error error_;
};

std::unexpected<decode_error> refused(decode_errc code, std::size_t offset, const char* field) {
  return std::unexpected(decode_error{code, offset, field});
}

struct first_line {
  std::size_t end;
  bool with_copy;
};

decoded<first_line> read_first_line(std::string_view file) {
  std::string_view start = file.substr(0, magic.size());
  if (!magic.starts_with(start)) return refused(decode_errc::bad_value, 0, "magic");
  if (start.size() < magic.size()) return refused(decode_errc::truncated, file.size(), "magic");
  std::size_t end = file.find('\n');
  std::string_view number = file.substr(magic.size(), end - magic.size());
  if (end == file.npos && (version.starts_with(number) || version_with_copy.starts_with(number)))
    return refused(decode_errc::truncated, file.size(), "version");
  bool with_copy = number == version_with_copy;
  if (number != version && !with_copy) return refused(decode_errc::bad_value, magic.size(), "version");
  return first_line{end + 1, with_copy};
}

/// Where the last line begins, once it is known to be right.
decoded<std::size_t> check_last_line(std::string_view file) {
  std::size_t found = file.find(checksum_line);
  if (found == file.npos) return refused(decode_errc::truncated, file.size(), "checksum");
  std::size_t start = found + 1;
  std::size_t digits = found + checksum_line.size();
  std::size_t end = digits + checksum_digits + 1;
  if (file.size() < end) return refused(decode_errc::truncated, file.size(), "checksum");
  if (file.substr(digits, checksum_digits) != position_checksum(file.substr(0, start)) ||
      file[end - 1] != '\n')
    return refused(decode_errc::bad_checksum, digits, "checksum");
  if (file.size() > end) return refused(decode_errc::trailing_bytes, end, "end of file");
  return start;
}

}  // namespace

std::string position_checksum(std::string_view lines) {
  std::array<unsigned char, 32> hash;
  if (EVP_Digest(lines.data(), lines.size(), hash.data(), nullptr, EVP_sha256(), nullptr) != 1)
    throw std::runtime_error("OpenSSL has no SHA-256");
  std::string hex;
  for (unsigned char byte : hash) {
    hex += hex_digits[byte >> 4];
    hex += hex_digits[byte & 15];
  }
  return hex;
}

std::string encode_position(const stored_position& of) {
  std::string out;
  // Whoever knows version 1 only can read what has nothing more.
  out.append(magic).append(of.copy.empty() ? version : version_with_copy) += '\n';
  append_line(out, "source", of.source);
  for (const auto& [name, value] : of.identity) {
    std::string whole(identity_prefix);
    append_escaped(whole, name, true);
    append_line(out, whole, value);
  }
  append_line(out, "position", of.position);
  append_line(out, "sink_offset_bytes", std::to_string(of.sink_offset_bytes));
  append_line(out, "transactions", std::to_string(of.transactions));
  append_line(out, "changes", std::to_string(of.changes));
  for (const std::string& each : of.copy) append_line(out, "copy", each);
  std::string sum = position_checksum(out);
  append_line(out, "checksum", sum);
  return out;
}

decoded<stored_position> decode_position(byte_view file) {
  if (file.size() > max_position_file_bytes)
    return refused(decode_errc::limit_exceeded, max_position_file_bytes, "file");
  std::string_view text = as_text(file);
  auto begin = read_first_line(text);
  if (!begin) return std::unexpected(begin.error());
  auto end = check_last_line(text);
  if (!end) return std::unexpected(end.error());

  // From here on the file is as somebody meant it to be, but perhaps not somebody who knows this version.
  line_reader in(text, begin->end, *end);
  stored_position p;
  p.source = in.text("source", "source");
  while (in.next_is_identity()) {
    auto entry = in.identity();
    if (std::ranges::count(p.identity, entry.first, &std::pair<std::string, std::string>::first) != 0)
      in.fail(in.line_start(), "identity");
    p.identity.push_back(std::move(entry));
    if (p.identity.size() > max_position_identity) {
      in.fail(in.line_start(), "identity", decode_errc::limit_exceeded);
      break;
    }
  }
  p.position = in.text("position", "position");
  p.sink_offset_bytes = in.number("sink_offset_bytes", "sink_offset_bytes");
  p.transactions = in.number("transactions", "transactions");
  p.changes = in.number("changes", "changes");
  if (begin->with_copy) {
    do {
      p.copy.push_back(in.text("copy", "copy"));
      if (p.copy.size() > max_position_copy) in.fail(in.line_start(), "copy", decode_errc::limit_exceeded);
    } while (in.next_is_copy() && p.copy.size() <= max_position_copy);
  }
  return in.finish(std::move(p));
}

}  // namespace tidewire
