// The events of a binlog file, given whole or in windows.
#pragma once

#include <algorithm>
#include <optional>

#include "binlog/event_framer.hpp"

namespace tidewire::binlog {

/// A file begins with one of these. Behind the other two are encrypted bytes.
inline constexpr std::string_view file_magic =
    "\xfe"
    "bin";
inline constexpr std::string_view encrypted_file_magic =
    "\xfd"
    "bin";

/// Hands out a file's events. An event cut off at the end is not an error: a file that a crash or a copy cut
/// off is read up to there, and the bytes lost are told.
///
///   whole:    event_reader reader(bytes);  while (auto event = *reader.next()) …
///   windows:  give() a window that begins at offset(); next() until it gives nothing; move the
///             unread_bytes() at the window's end to its front, read more behind them (at least up to
///             wanted_bytes() in all), give() it again. At the end of the file unread_bytes() are lost.
///
/// offset() counts from the start of the file; the offsets of errors count from the start of the event at
/// offset(). After an error every next() gives the same error, and unread_bytes() are what cannot be read of
/// the window. Encrypted files are refused: unsupported, "encrypted file" (MySQL) or "Start_encryption"
/// (MariaDB); the server sends their events in the clear.
class event_reader {
 public:
  event_reader() = default;
  explicit event_reader(byte_view whole) : window_(whole) {}
  explicit event_reader(event_framer::options chosen) : framer_(chosen), event_bytes_(chosen.event_bytes) {}

  /// `window` begins with the bytes that were unread before.
  void give(byte_view window) {
    window_ = window;
    read_ = 0;
  }

  /// The next event, valid as long as the window; nothing if what is left of the window does not hold a whole
  /// one.
  decoded<std::optional<event_view>> next() {
    if (error_.code != decode_errc::none) [[unlikely]]
      return std::unexpected(error_);
    if (!magic_read_) [[unlikely]] {
      if (!read_magic()) {
        if (error_.code != decode_errc::none) return std::unexpected(error_);
        return std::nullopt;
      }
    }
    byte_view left = window_.subspan(read_);
    wanted_ = header_bytes;
    if (left.size() < header_bytes) [[unlikely]]
      return std::nullopt;
    auto size = load_le<std::uint32_t>(left.data() + 9);
    if (size < header_bytes) [[unlikely]]
      return fail({decode_errc::bad_length, 9, "event size"});
    if (size > event_bytes_) [[unlikely]]
      return fail({decode_errc::limit_exceeded, 9, "event size"});
    wanted_ = size;
    if (left.size() < size) [[unlikely]]
      return std::nullopt;
    auto event = framer_.accept(left.first(size));
    if (!event) [[unlikely]]
      return fail(event.error());
    if (event->header.type == event_type::start_encryption) [[unlikely]]
      return fail({decode_errc::unsupported, 4, name_of(event_type::start_encryption)});
    if (!framer_.has_format()) [[unlikely]]
      return fail({decode_errc::bad_state, 4, "event before the format description"});
    event_offset_ = offset_;
    read_ += size;
    offset_ += size;
    wanted_ = header_bytes;
    return *event;
  }

  /// Where in the file the event that next() gave last begins.
  std::uint64_t event_offset() const { return event_offset_; }
  /// Where in the file the next event begins.
  std::uint64_t offset() const { return offset_; }
  /// How many bytes of the window belong to no event that was handed out.
  std::size_t unread_bytes() const { return window_.size() - read_; }
  /// How many bytes from offset() on it takes, at least, to get further.
  std::size_t wanted_bytes() const { return wanted_; }

  const event_framer& framer() const { return framer_; }
  const format_description& format() const { return framer_.format(); }

 private:
  bool read_magic() {
    std::size_t size = std::min(window_.size(), file_magic.size());
    std::string_view begin = as_text(window_.first(size));
    if (begin != file_magic.substr(0, size)) {
      bool encrypted = size == encrypted_file_magic.size() && begin == encrypted_file_magic;
      // The first byte alone does not tell yet.
      if (size < encrypted_file_magic.size() && begin == encrypted_file_magic.substr(0, size)) return false;
      if (encrypted)
        fail({decode_errc::unsupported, 0, "encrypted file"});
      else
        fail({decode_errc::bad_value, 0, "magic"});
      return false;
    }
    if (size < file_magic.size()) return false;
    magic_read_ = true;
    read_ = size;
    offset_ = size;
    return true;
  }

  std::unexpected<decode_error> fail(decode_error error) {
    error_ = error;
    return std::unexpected(error_);
  }

  event_framer framer_;
  std::uint32_t event_bytes_ = max_event_bytes;
  byte_view window_;
  std::size_t read_ = 0;  // of the window
  std::uint64_t offset_ = 0;
  std::uint64_t event_offset_ = 0;
  std::size_t wanted_ = file_magic.size();
  bool magic_read_ = false;
  decode_error error_;
};

}  // namespace tidewire::binlog
