// From the bytes of one event to a checked event_view. Follows the format descriptions, because they say
// whether checksums are there.
#pragma once

#include "binlog/checksum.hpp"
#include "binlog/format_description.hpp"

namespace tidewire::binlog {

class event_framer {
 public:
  struct options {
    bool verify = true;  // compare the checksums
    std::uint32_t event_bytes = max_event_bytes;
    /// What the events before the first format description carry: on a connection the server's first event is
    /// a rotate, with a checksum if the client announced that it knows them.
    checksum_algorithm before_format = checksum_algorithm::none;
  };

  event_framer() = default;
  explicit event_framer(options chosen) : options_(chosen) { format_.checksum = chosen.before_format; }

  /// `bytes` are one whole event. A format description is taken over: it holds from the next event on, and
  /// the ids of all table maps end with it. Errors, besides the decoders' own: bad_length (the header tells
  /// another size), bad_checksum, limit_exceeded; unknown_tag for a code that nobody knows, unless the event
  /// may be ignored; unsupported for what is too old.
  decoded<event_view> accept(byte_view bytes) {
    auto header = decode_event_header(bytes);
    if (!header) [[unlikely]]
      return std::unexpected(header.error());
    if (header->event_size != bytes.size()) [[unlikely]]
      return refuse(decode_errc::bad_length, 9, "event size");
    if (header->event_size > options_.event_bytes) [[unlikely]]
      return refuse(decode_errc::limit_exceeded, 9, "event size");
    event_view event{*header, bytes};
    if (header->type == event_type::format_description) [[unlikely]]
      return accept_format(event);
    if (format_.checksum == checksum_algorithm::crc32) {
      if (bytes.size() < header_bytes + checksum_bytes) [[unlikely]]
        return refuse(decode_errc::truncated, header_bytes, "checksum");
      if (!strip_checksum(event)) [[unlikely]]
        return refuse(decode_errc::bad_checksum, event.bytes.size(), "checksum");
    }
    return known(event);
  }

  /// An event out of a transaction payload: without a checksum, whatever the file's format.
  decoded<event_view> accept_inner(byte_view bytes) const {
    auto header = decode_event_header(bytes);
    if (!header) return std::unexpected(header.error());
    if (header->event_size != bytes.size()) return refuse(decode_errc::bad_length, 9, "event size");
    return known({*header, bytes});
  }

  const format_description& format() const { return format_; }
  /// Whether a format description has come.
  bool has_format() const { return has_format_; }

 private:
  static std::unexpected<decode_error> refuse(decode_errc code, std::size_t offset, const char* field) {
    return std::unexpected(decode_error{code, offset, field});
  }

  static decoded<event_view> known(const event_view& event) {
    event_type type = event.header.type;
    if (is_too_old(type)) [[unlikely]]
      return refuse(decode_errc::unsupported, 4, name_of(type));
    if (!name_of(type) && !(event.header.flags & event_flag::ignorable)) [[unlikely]]
      return refuse(decode_errc::unknown_tag, 4, "event type");
    return event;
  }

  /// False if the checksum is wrong.
  bool strip_checksum(event_view& event) const {
    std::size_t size = event.bytes.size() - checksum_bytes;
    auto stored = load_le<std::uint32_t>(event.bytes.data() + size);
    event.bytes = event.bytes.first(size);
    return !options_.verify || event_checksum(event.bytes) == stored;
  }

  decoded<event_view> accept_format(event_view event) {
    bool summed = writes_algorithm(detail::peek_server_version(event.bytes));
    if (summed) {
      if (event.bytes.size() < detail::version_at + server_version_bytes + checksum_bytes)
        return refuse(decode_errc::truncated, event.bytes.size(), "checksum");
      if (!strip_checksum(event)) return refuse(decode_errc::bad_checksum, event.bytes.size(), "checksum");
    }
    auto format = decode_format_description(event);
    if (!format) return std::unexpected(format.error());
    format_ = *format;
    has_format_ = true;
    return event;
  }

  options options_;
  format_description format_;
  bool has_format_ = false;
};

}  // namespace tidewire::binlog
