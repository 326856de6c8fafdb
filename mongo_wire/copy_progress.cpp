#include "mongo_wire/copy_progress.hpp"

#include <algorithm>
#include <charconv>

#include "mongo_wire/bson_walk.hpp"
#include "mongo_wire/resume_token.hpp"

namespace tidewire::mongo_wire {
namespace {

constexpr std::string_view times_word = "times ";
constexpr std::string_view collection_word = "collection ";
constexpr std::string_view digits = "0123456789abcdef";

std::string hex_of(byte_view bytes) {
  std::string text;
  for (std::uint8_t each : bytes) {
    text += digits[each >> 4];
    text += digits[each & 15];
  }
  return text;
}

std::optional<std::vector<std::uint8_t>> bytes_of(std::string_view hex) {
  if (hex.size() % 2 != 0) return {};
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    std::size_t high = digits.find(hex[i]), low = digits.find(hex[i + 1]);
    if (high == digits.npos || low == digits.npos) return {};
    bytes.push_back(static_cast<std::uint8_t>(high << 4 | low));
  }
  return bytes;
}

/// Up to the next space, which is taken too; all of it if there is none.
std::string_view take_word(std::string_view& text) {
  std::size_t at = text.find(' ');
  std::string_view taken = text.substr(0, at);
  text.remove_prefix(at == text.npos ? text.size() : at + 1);
  return taken;
}

bool is_one_element(const std::vector<std::uint8_t>& bytes) {
  if (bytes.size() > max_kept_id_bytes) return false;
  auto document = validate_document(bytes, {.utf8 = false});  // what the server has, it is asked for
  if (!document) return false;
  bson_reader reader(*document);
  element_view first, second;
  return reader.next(first) && !reader.next(second) && reader.ok();
}

std::optional<copied_collection> parse_collection(std::string_view text) {
  copied_collection of;
  auto id = bytes_of(take_word(text));
  std::string_view documents = take_word(text);
  std::string_view state = take_word(text);
  std::string_view last = take_word(text);
  std::size_t dot = text.find('.');
  auto [end, error] = std::from_chars(documents.data(), documents.data() + documents.size(), of.documents);
  if (!id || id->size() != of.id.size() || error != std::errc{} ||
      end != documents.data() + documents.size() || (state != "done" && state != "open") || dot == text.npos)
    return {};
  std::ranges::copy(*id, of.id.begin());
  of.done = state == "done";
  if (last != "-") {
    auto bytes = bytes_of(last);
    if (!bytes || !is_one_element(*bytes)) return {};
    of.last = std::move(*bytes);
  }
  of.database = text.substr(0, dot);
  of.name = text.substr(dot + 1);
  if (of.database.empty() || of.name.empty()) return {};
  return of;
}

}  // namespace

std::string times_line(const copy_progress& of) {
  return std::string(times_word) + time_text(of.since) + ' ' + time_text(of.newest);
}

std::string line_of(const copied_collection& of) {
  return std::string(collection_word) + hex_of(of.id) + ' ' + std::to_string(of.documents) +
         (of.done ? " done " : " open ") + (of.last.empty() ? "-" : hex_of(of.last)) + ' ' + of.database +
         '.' + of.name;
}

std::optional<copy_progress> parse_copy(const std::vector<std::string>& lines) {
  copy_progress progress;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::string_view line = lines[i];
    if (i == 0) {
      if (!line.starts_with(times_word)) return {};
      line.remove_prefix(times_word.size());
      auto since = parse_time(take_word(line));
      auto newest = parse_time(line);
      if (!since || !newest || *newest < *since) return {};
      progress.since = *since;
      progress.newest = *newest;
      continue;
    }
    if (!line.starts_with(collection_word)) return {};
    auto collection = parse_collection(line.substr(collection_word.size()));
    if (!collection) return {};
    auto key = collection->key();
    if (!progress.collections.try_emplace(std::move(key), std::move(*collection)).second) return {};
  }
  return progress;
}

}  // namespace tidewire::mongo_wire
