// The first event of every file: which server wrote it and how its events are laid out.
#pragma once

#include <array>

#include "binlog/event.hpp"

namespace tidewire::binlog {

inline constexpr std::size_t server_version_bytes = 50;

/// Owns all it holds. The default is what a current server writes, without checksums: it serves until the
/// first format description arrives.
struct format_description {
  std::uint16_t binlog_version = 4;
  std::array<char, server_version_bytes> version_text{};  // NUL-padded
  std::uint32_t created = 0;  // seconds since 1970; 0 unless the server just started
  checksum_algorithm checksum = checksum_algorithm::none;
  bool has_algorithm = false;  // the event itself carries an algorithm byte and a checksum
  std::uint16_t type_count = 0;
  std::array<std::uint8_t, 256> post_header_bytes{};  // by event code; 0 beyond type_count

  std::string_view server_version() const {
    std::string_view whole{version_text.data(), version_text.size()};
    return whole.substr(0, whole.find('\0'));
  }
  bool mariadb() const { return server_version().find("MariaDB") != std::string_view::npos; }

  /// The post-header's length of that event, `usual` where the file does not say.
  std::size_t post_header(event_type type, std::size_t usual) const {
    std::size_t told = post_header_bytes[static_cast<std::uint8_t>(type)];
    return static_cast<std::uint8_t>(type) <= type_count ? told : usual;
  }
};

/// 50719 for "5.7.19-log"; a part that is missing counts as 0, one over 255 as 255.
constexpr std::uint32_t version_number(std::string_view version) {
  // MariaDB puts "5.5.5-" in front where old clients must not be frightened.
  if (version.starts_with("5.5.5-") && version.find("MariaDB") != std::string_view::npos)
    version.remove_prefix(6);
  std::uint32_t number = 0;
  for (int part = 0; part < 3; ++part) {
    std::uint32_t value = 0;
    while (!version.empty() && version[0] >= '0' && version[0] <= '9') {
      value = value * 10 + static_cast<std::uint32_t>(version[0] - '0');
      if (value > 255) value = 255;
      version.remove_prefix(1);
    }
    number = number * 100 + value;
    if (version.empty() || version[0] != '.')
      version = {};
    else
      version.remove_prefix(1);
  }
  return number;
}

/// Whether a server of that version ends its format descriptions with an algorithm byte and a checksum
/// (which it does even where it leaves all other events without).
constexpr bool writes_algorithm(std::string_view version) {
  bool mariadb = version.find("MariaDB") != std::string_view::npos;
  return version_number(version) >= (mariadb ? 50300u : 50601u);
}

namespace detail {

inline constexpr std::size_t version_at = header_bytes + 2;

/// The server version inside a format description of which at least that much is there.
inline std::string_view peek_server_version(byte_view event) {
  if (event.size() < version_at + server_version_bytes) return {};
  std::string_view whole = as_text(event.subspan(version_at, server_version_bytes));
  return whole.substr(0, whole.find('\0'));
}

}  // namespace detail

/// `event.bytes` end before the checksum, if there is one, and include the algorithm byte. Refuses binlog
/// versions before 4 (MySQL 4.1 and older) and headers of another size than 19 bytes.
inline decoded<format_description> decode_format_description(const event_view& event) {
  cursor in = detail::body_of(event, event_type::format_description);
  format_description f;
  std::size_t at = in.offset();
  f.binlog_version = in.le<std::uint16_t>("binlog version");
  if (in.ok() && f.binlog_version != 4) in.fail_at(at, decode_errc::unsupported, "binlog version");
  byte_view version = in.bytes(server_version_bytes, "server version");
  std::copy(version.begin(), version.end(), f.version_text.begin());
  f.created = in.le<std::uint32_t>("creation time");
  at = in.offset();
  std::uint8_t length = in.u8("header length");
  if (in.ok() && length != header_bytes) in.fail_at(at, decode_errc::unsupported, "header length");
  f.has_algorithm = writes_algorithm(f.server_version());
  std::size_t count = in.remaining();
  if (f.has_algorithm) {
    if (in.ok() && count == 0) in.fail(decode_errc::truncated, "checksum algorithm");
    if (count) --count;
  }
  if (count > 255) in.fail(decode_errc::limit_exceeded, "post-header lengths");
  byte_view lengths = in.bytes(count, "post-header lengths");
  f.type_count = static_cast<std::uint16_t>(lengths.size());
  std::copy(lengths.begin(), lengths.end(), f.post_header_bytes.begin() + 1);
  if (f.has_algorithm) {
    at = in.offset();
    f.checksum = static_cast<checksum_algorithm>(in.u8("checksum algorithm"));
    if (in.ok() && f.checksum > checksum_algorithm::crc32)
      in.fail_at(at, decode_errc::unsupported, "checksum algorithm");
  }
  return in.finish(f);
}

/// The body, with the algorithm byte where the version asks for one.
inline void encode_format_description(encoder& out, const format_description& f) {
  out.le(f.binlog_version);
  out.text({f.version_text.data(), f.version_text.size()});
  out.le(f.created);
  out.u8(header_bytes);
  if (f.type_count > 255) return out.fail(decode_errc::limit_exceeded, "post-header lengths");
  out.bytes(byte_view(f.post_header_bytes).subspan(1, f.type_count));
  if (writes_algorithm(f.server_version())) out.u8(static_cast<std::uint8_t>(f.checksum));
}

}  // namespace tidewire::binlog
