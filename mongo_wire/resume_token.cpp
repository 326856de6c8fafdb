#include "mongo_wire/resume_token.hpp"

#include <array>
#include <charconv>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "mongo_wire/bson_writer.hpp"
#include "mongo_wire/extended_json.hpp"
#include "mongo_wire/extended_json_reader.hpp"

namespace tidewire::mongo_wire {
namespace {

bool are_digits(std::string_view text) {
  static constexpr auto no_digit = [] {
    std::array<std::uint8_t, 256> table{};
    table.fill(1);
    for (char c : std::string_view("0123456789abcdefABCDEF")) table[static_cast<unsigned char>(c)] = 0;
    return table;
  }();
  std::uint8_t bad = 0;
  for (char c : text) bad |= no_digit[static_cast<unsigned char>(c)];
  return bad == 0;
}

/// Every event's token goes through here.
bool is_hex(std::string_view text) {
  if (text.empty() || text.size() % 2 != 0) return false;
#if defined(__SSE2__)
  if (text.size() < 16) return are_digits(text);
  auto within = [](__m128i block, char first, char count) {
    __m128i above = _mm_sub_epi8(block, _mm_set1_epi8(first));
    return _mm_cmpeq_epi8(_mm_min_epu8(above, _mm_set1_epi8(static_cast<char>(count - 1))), above);
  };
  __m128i good = _mm_set1_epi8(-1);
  auto look = [&](const char* at) {
    __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    __m128i letters = within(_mm_or_si128(block, _mm_set1_epi8(0x20)), 'a', 6);
    good = _mm_and_si128(good, _mm_or_si128(within(block, '0', 10), letters));
  };
  const char* last = text.data() + text.size() - 16;
  for (const char* at = text.data(); at < last; at += 16) look(at);
  look(last);
  return _mm_movemask_epi8(good) == 0xffff;
#else
  return are_digits(text);
#endif
}

}  // namespace

std::optional<std::string_view> token_hex(bson_view token) {
  bson_reader reader(token);
  element_view first, second;
  if (!reader.next(first) || first.name != "_data" || reader.next(second) || !reader.ok()) return {};
  auto text = first.as_string();
  return text && text->size() <= max_token_text_bytes && is_hex(*text) ? text : std::nullopt;
}

decoded<std::string> token_text(bson_view token) {
  std::string text;
  if (auto data = token_hex(token)) {
    text = *data;
  } else {
    json::buffer out;
    auto done = put_extended_json(out, token, {extended_form::canonical});
    if (!done) return std::unexpected(done.error());
    text = out.view();
  }
  if (text.size() > max_token_text_bytes)
    return std::unexpected(decode_error{decode_errc::limit_exceeded, 0, "resume token"});
  return text;
}

std::optional<std::vector<std::uint8_t>> parse_token(std::string_view text) {
  std::vector<std::uint8_t> token;
  if (text.size() > max_token_text_bytes) return {};
  if (is_hex(text)) {
    bson_writer to(token);
    to.put_string("_data", text);
    if (!to.finish()) return {};
    return token;
  }
  if (!parse_extended_json(text, token)) return {};
  auto again = token_text(*decode_document(token));
  if (!again || *again != text) return {};
  return token;
}

std::string time_text(bson_timestamp time) {
  return "@" + std::to_string(time.time) + "." + std::to_string(time.increment);
}

std::optional<bson_timestamp> parse_time(std::string_view text) {
  if (!text.starts_with('@')) return {};
  bson_timestamp time;
  const char* end = text.data() + text.size();
  auto seconds = std::from_chars(text.data() + 1, end, time.time);
  if (seconds.ec != std::errc{} || seconds.ptr == end || *seconds.ptr != '.') return {};
  auto increment = std::from_chars(seconds.ptr + 1, end, time.increment);
  if (increment.ec != std::errc{} || increment.ptr != end || time_text(time) != text) return {};
  return time;
}

std::optional<bson_timestamp> token_time(std::string_view text) {
  return is_hex(text) ? hex_token_time(text) : std::nullopt;
}

std::optional<bson_timestamp> hex_token_time(std::string_view hex) {
  // A KeyString: 0x82 is a timestamp, then seconds and increment, big-endian.
  if (hex.size() < 18 || !hex.starts_with("82")) return {};
  auto number = [&](std::size_t from) {
    // All digits at once: letters lie nine above, and begin at one. Then pairs become bytes, bytes the
    // number.
    auto digits = load_be<std::uint64_t>(as_bytes(hex).data() + from);
    std::uint64_t x = (digits & 0x0f0f'0f0f'0f0f'0f0f) + (digits >> 6 & 0x0101'0101'0101'0101) * 9;
    x = (x | x >> 4) & 0x00ff'00ff'00ff'00ff;
    x = (x | x >> 8) & 0x0000'ffff'0000'ffff;
    return static_cast<std::uint32_t>(x | x >> 16);
  };
  return bson_timestamp{number(2), number(10)};
}

}  // namespace tidewire::mongo_wire
