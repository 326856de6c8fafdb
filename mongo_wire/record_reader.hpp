// A file that is one record after the other, each beginning with its own length: BSON documents as mongodump
// writes them, or messages of the wire protocol.
#pragma once

#include <optional>

#include "mongo_wire/bson.hpp"
#include "mongo_wire/message.hpp"

namespace tidewire::mongo_wire {

/// Total size in bytes of the record that begins with `pending`; 0: too few bytes to tell.
using record_framer = decoded<std::size_t> (*)(byte_view pending);

inline decoded<std::size_t> document_record(byte_view pending) {
  if (pending.size() < 4) return 0;
  auto length = load_le<std::uint32_t>(pending.data());
  if (length < 5) return std::unexpected(decode_error{decode_errc::bad_length, 0, "document length"});
  if (length > max_document_bytes)
    return std::unexpected(decode_error{decode_errc::limit_exceeded, 0, "document length"});
  return length;
}

/// Also looks at the opcode: a length alone would let too much pass.
inline decoded<std::size_t> message_record(byte_view pending) {
  auto size = message_size(pending, max_message_bytes);
  if (!size || *size == 0 || pending.size() < message_header_bytes) return size ? 0 : size;
  if (!name_of(static_cast<opcode>(load_le<std::int32_t>(pending.data() + 12))))
    return std::unexpected(decode_error{decode_errc::unknown_tag, 12, "opcode"});
  return size;
}

/// Splits the file through a window. After an error there is no further record: where the next one would
/// begin is not known.
class record_reader {
 public:
  explicit record_reader(record_framer framer) : framer_(framer) {}

  /// `window` begins with the bytes that were unread before.
  void give(byte_view window) {
    window_ = window;
    read_ = 0;
  }

  /// The next record, valid as long as the window; nothing if the rest of the window does not hold a whole
  /// one. An error's offset is that in the file.
  decoded<std::optional<byte_view>> next() {
    byte_view left = window_.subspan(read_);
    auto size = framer_(left);
    if (!size) {
      decode_error error = size.error();
      error.offset += static_cast<std::size_t>(offset_);
      return std::unexpected(error);
    }
    wanted_ = *size != 0 ? *size : message_header_bytes;
    if (*size == 0 || *size > left.size()) return std::nullopt;
    read_ += *size;
    offset_ += *size;
    wanted_ = message_header_bytes;
    return left.first(*size);
  }

  /// Where in the file the next record begins.
  std::uint64_t offset() const { return offset_; }
  /// How many bytes of the window belong to no record that was handed out.
  std::size_t unread_bytes() const { return window_.size() - read_; }
  /// How many bytes from offset() on it takes, at least, to get further.
  std::size_t wanted_bytes() const { return wanted_; }

 private:
  record_framer framer_;
  byte_view window_;
  std::size_t read_ = 0;
  std::uint64_t offset_ = 0;
  std::size_t wanted_ = message_header_bytes;
};

}  // namespace tidewire::mongo_wire
