// What a server answers: OK, an error, the end of something; columns and rows of a result as text.
#pragma once

#include <optional>

#include "binlog/lenenc.hpp"

namespace tidewire::binlog {

inline constexpr std::uint8_t ok_head = 0x00;
inline constexpr std::uint8_t error_head = 0xff;
inline constexpr std::uint8_t eof_head = 0xfe;
inline constexpr std::uint8_t local_file_head = 0xfb;

/// Borrows. What follows the warnings (a text, session state) is not looked at.
struct ok_view {
  std::uint64_t affected_rows = 0;
  std::uint64_t insert_id = 0;
  std::uint16_t status = 0;
  std::uint16_t warnings = 0;
};

inline decoded<ok_view> decode_ok(byte_view payload) {
  cursor in(payload);
  ok_view m;
  if (in.u8("head") != ok_head) in.fail_at(0, decode_errc::unknown_tag, "head");
  m.affected_rows = detail::take_lenenc(in, "affected rows");
  m.insert_id = detail::take_lenenc(in, "insert id");
  m.status = in.le<std::uint16_t>("status");
  m.warnings = in.le<std::uint16_t>("warnings");
  if (in.ok()) in.rest();
  return in.finish(m);
}

inline void encode_ok(encoder& out, const ok_view& m) {
  out.u8(ok_head);
  detail::put_lenenc(out, m.affected_rows);
  detail::put_lenenc(out, m.insert_id);
  out.le(m.status);
  out.le(m.warnings);
}

/// Borrows.
struct error_view {
  std::uint16_t number = 0;
  std::string_view state;  // 5 letters; empty in errors before the login
  std::string_view text;
};

inline decoded<error_view> decode_error_packet(byte_view payload) {
  cursor in(payload);
  error_view m;
  if (in.u8("head") != error_head) in.fail_at(0, decode_errc::unknown_tag, "head");
  m.number = in.le<std::uint16_t>("error number");
  if (in.ok() && in.remaining() >= 6 && payload[3] == '#') {
    in.u8("marker");
    m.state = in.text(5, "state");
  }
  if (in.ok()) m.text = as_text(in.rest());
  return in.finish(m);
}

inline void encode_error_packet(encoder& out, const error_view& m) {
  out.u8(error_head);
  out.le(m.number);
  if (!m.state.empty()) {
    out.u8('#');
    out.text(m.state);
  }
  out.text(m.text);
}

/// A short packet of this kind ends columns and rows; a longer one that begins so is a row with a huge value.
inline bool is_eof(byte_view payload) {
  return !payload.empty() && payload[0] == eof_head && payload.size() < 9;
}

/// Of a result's columns only the name. Borrows.
inline decoded<std::string_view> decode_column(byte_view payload) {
  cursor in(payload);
  detail::take_lenenc_bytes(in, "catalog");
  detail::take_lenenc_bytes(in, "schema");
  detail::take_lenenc_bytes(in, "table");
  detail::take_lenenc_bytes(in, "original table");
  std::string_view name = as_text(detail::take_lenenc_bytes(in, "name"));
  detail::take_lenenc_bytes(in, "original name");
  if (in.ok()) in.rest();
  return in.finish(name);
}

/// Values of a row as text; nothing: NULL. `out` must have as many places as the result has columns.
inline decoded<std::size_t> decode_text_row(byte_view payload,
                                            std::span<std::optional<std::string_view>> out) {
  constexpr std::uint8_t null_head = 0xfb;
  cursor in(payload);
  for (auto& each : out) {
    if (in.remaining() && payload[in.offset()] == null_head) {
      in.u8("value");
      each = std::nullopt;
      continue;
    }
    each = as_text(detail::take_lenenc_bytes(in, "value"));
  }
  return in.finish(out.size());
}

}  // namespace tidewire::binlog
