// Capture files: the CopyData payloads of a replication stream as they came (docs/capture_format.md).
#pragma once

#include <algorithm>
#include <optional>
#include <utility>

#include "core/cursor.hpp"
#include "core/encoder.hpp"

namespace tidewire::pgoutput {

inline constexpr std::string_view capture_magic = "TWPGCAP1";

/// The largest record: the largest message that Postgres can build, and what is around it.
inline constexpr std::size_t max_capture_record_bytes = (std::size_t{1} << 30) + 64;

inline void encode_capture_header(encoder& out) {
  out.text(capture_magic);
}

/// What a record's payload may begin with: WAL data, a keepalive, or the beginning of a connection.
constexpr bool is_capture_kind(std::uint8_t kind) {
  return kind == 'w' || kind == 'k' || kind == 'c';
}

/// The payload that says that a connection begins, whose stream goes on from `from` (an LSN).
inline void encode_capture_connection(encoder& out, std::uint64_t from) {
  out.u8('c');
  out.be(from);
}

inline decoded<std::uint64_t> decode_capture_connection(byte_view payload) {
  cursor in(payload);
  in.u8("record kind");
  auto from = in.be<std::uint64_t>("position");
  return in.finish(from);
}

/// `payload`: one CopyData message's payload, or what encode_capture_connection made.
inline void encode_capture_record(encoder& out, byte_view payload) {
  if (payload.empty() || !is_capture_kind(payload[0]))
    return out.fail(decode_errc::unknown_tag, "record kind");
  if (payload.size() > max_capture_record_bytes)
    return out.fail(decode_errc::limit_exceeded, "record length");
  out.be(static_cast<std::uint32_t>(payload.size()));
  out.bytes(payload);
}

/// Hands out the records of a capture, given whole or in windows. An incomplete record at the end is not an
/// error: a capture that was cut off is read up to there, and the bytes lost are told.
///
///   whole:    capture_reader reader(bytes);  while (auto record = *reader.next()) …
///   windows:  give() a window that begins at offset(); next() until it gives nothing; move the
///             unread_bytes() at the window's end to its front, read more behind them (at least up to
///             wanted_bytes() in all), give() it again. At the end of the file unread_bytes() are lost.
///
/// Offsets, also those of errors, count from the start of the file. After an error every next() gives the
/// same error, and unread_bytes() are what cannot be read of the window.
class capture_reader {
 public:
  capture_reader() = default;
  explicit capture_reader(byte_view whole) : window_(whole) {}

  /// `window` begins with the bytes that were unread before.
  void give(byte_view window) {
    window_ = window;
    window_at_ += std::exchange(read_, 0);
  }

  /// The next record's payload, valid as long as the window; nothing if what is left of the window does not
  /// hold a whole one. Errors: bad_value (not a capture), bad_length (an empty record), limit_exceeded,
  /// unknown_tag (a payload that begins with another letter).
  decoded<std::optional<byte_view>> next() {
    byte_view ahead = window_.subspan(read_);
    if (ready_ && ahead.size() > length_bytes && ahead[length_bytes] == 'w') [[likely]] {
      // The usual record, whole; a length of 0 fails by wrapping around.
      auto length = load_be<std::uint32_t>(ahead.data());
      if (length - 1 < ahead.size() - length_bytes && length <= max_capture_record_bytes) [[likely]] {
        read_ += length_bytes + length;
        wanted_ = length_bytes;
        return ahead.subspan(length_bytes, length);
      }
    }
    byte_view record = other_record();
    if (!record.empty()) return record;
    if (error_.code != decode_errc::none) return std::unexpected(error_);
    return std::nullopt;
  }

  /// Where in the file the next record begins.
  std::uint64_t offset() const { return window_at_ + read_; }
  /// How many bytes of the window belong to no record that was handed out.
  std::size_t unread_bytes() const { return window_.size() - read_; }
  /// How many bytes from offset() on it takes, at least, to get further.
  std::size_t wanted_bytes() const { return wanted_; }

 private:
  static constexpr std::size_t length_bytes = 4;

  /// The next record's payload, which is never empty; empty if there is none.
  [[gnu::noinline]] byte_view other_record() {
    if (error_.code != decode_errc::none || (!ready_ && !read_header())) return {};
    byte_view left = window_.subspan(read_);
    wanted_ = length_bytes;
    if (left.size() < length_bytes) return {};
    auto length = load_be<std::uint32_t>(left.data());
    if (length == 0) return fail(decode_errc::bad_length, 0, "record length");
    if (length > max_capture_record_bytes) return fail(decode_errc::limit_exceeded, 0, "record length");
    if (left.size() > length_bytes && !is_capture_kind(left[length_bytes]))
      return fail(decode_errc::unknown_tag, length_bytes, "record kind");
    wanted_ = length_bytes + length;
    if (left.size() < wanted_) return {};
    read_ += wanted_;
    wanted_ = length_bytes;
    return left.subspan(length_bytes, length);
  }

  bool read_header() {
    std::size_t size = std::min(window_.size(), capture_magic.size());
    if (as_text(window_.first(size)) != capture_magic.substr(0, size)) {
      fail(decode_errc::bad_value, 0, "magic");
      return false;
    }
    if (size < capture_magic.size()) return false;
    ready_ = true;
    read_ = size;
    return true;
  }

  byte_view fail(decode_errc code, std::size_t ahead, const char* field) {
    error_ = {code, static_cast<std::size_t>(offset()) + ahead, field};
    ready_ = false;
    return {};
  }

  byte_view window_;
  std::size_t read_ = 0;         // of the window
  std::uint64_t window_at_ = 0;  // where in the file the window begins
  std::size_t wanted_ = capture_magic.size();
  bool ready_ = false;  // the header has been read, and there was no error
  decode_error error_;
};

}  // namespace tidewire::pgoutput
