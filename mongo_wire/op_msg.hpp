// OP_MSG: one document, any number of document sequences, and a checksum if the sender wants one.
// https://github.com/mongodb/specifications/blob/master/source/message/OP_MSG.md
#pragma once

#include <algorithm>
#include <array>

#include "mongo_wire/bson.hpp"
#include "mongo_wire/crc32c.hpp"
#include "mongo_wire/message.hpp"

namespace tidewire::mongo_wire {

namespace op_msg_flag {
inline constexpr std::uint32_t checksum_present = 1u << 0;
inline constexpr std::uint32_t more_to_come = 1u << 1;      // another message follows without being asked for
inline constexpr std::uint32_t exhaust_allowed = 1u << 16;  // of a request: the answer may be such a row
/// A receiver must refuse bits of this half that it does not know, and ignore those of the other.
inline constexpr std::uint32_t required = 0xffff;
inline constexpr std::uint32_t known_required = checksum_present | more_to_come;
}  // namespace op_msg_flag

/// Sequences of one message at most; a command has one or two.
inline constexpr std::size_t max_document_sequences = 32;

/// Borrows.
struct document_sequence_view {
  std::string_view identifier;
  byte_view documents;  // one after the other, lengths and final zeroes checked
};

/// Borrows the frame. The body's elements are not checked.
struct op_msg_view {
  message_header header;
  std::uint32_t flags = 0;
  bson_view body;
  std::uint32_t body_offset = 0;  // in the frame
  std::uint32_t sequences = 0;
  byte_view sections;  // all of them, for sequence_reader

  bool more_to_come() const { return flags & op_msg_flag::more_to_come; }
};

/// Takes whole documents off the front of what decode_documents has checked.
class document_reader {
 public:
  explicit document_reader(byte_view documents) : left_(documents) {}

  bool next(bson_view& document) {
    if (left_.empty()) return false;
    auto size = load_le<std::uint32_t>(left_.data());
    document = {left_.data(), size, 0, size};
    left_ = left_.subspan(size);
    return true;
  }

 private:
  byte_view left_;
};

namespace detail {

/// Moves over one document, checking its length and its final zero.
inline byte_view take_document(cursor& in) {
  std::size_t at = in.offset();
  cursor look = in;
  auto length = look.le<std::uint32_t>("document length");
  if (!look.ok()) return in.fail(decode_errc::truncated, "document length"), byte_view{};
  if (length < 5) return in.fail(decode_errc::bad_length, "document length"), byte_view{};
  if (length > max_document_bytes)
    return in.fail(decode_errc::limit_exceeded, "document length"), byte_view{};
  byte_view document = in.bytes(length, "document");
  if (in.ok() && document.back() != 0) in.fail_at(at + length - 1, decode_errc::bad_value, "document end");
  return document;
}

/// A kind-1 section after its kind byte. Its size says where it ends, and its documents must end there.
inline document_sequence_view take_sequence(cursor& in) {
  std::size_t at = in.offset();
  document_sequence_view sequence;
  auto size = in.le<std::uint32_t>("sequence size");
  if (in.ok() && (size < 5 || size > std::uint32_t{std::numeric_limits<std::int32_t>::max()}))
    in.fail_at(at, decode_errc::bad_length, "sequence size");
  byte_view content = in.bytes(in.ok() ? size - 4 : 0, "sequence");
  if (!in.ok()) return sequence;
  cursor inside(content);
  sequence.identifier = inside.cstring("sequence identifier");
  std::size_t documents_at = inside.offset();
  while (inside.ok() && inside.remaining() != 0) take_document(inside);
  if (!inside.ok()) {
    in.fail_at(at + 4 + inside.error().offset, inside.error().code, inside.error().field);
    return sequence;
  }
  sequence.documents = content.subspan(documents_at);
  return sequence;
}

inline void take_sections(cursor& in, op_msg_view& message) {
  std::array<std::string_view, max_document_sequences> seen;
  bool body = false;
  while (in.ok() && in.remaining() != 0) {
    std::size_t at = in.offset();
    std::uint8_t kind = in.u8("section kind");
    if (kind == 0) {
      if (body) return in.fail_at(at, decode_errc::bad_state, "section kind");
      body = true;
      message.body_offset = static_cast<std::uint32_t>(in.offset());
      byte_view document = take_document(in);
      auto size = static_cast<std::uint32_t>(document.size());
      message.body = {document.data(), size, 0, size};
    } else if (kind == 1) {
      if (message.sequences == max_document_sequences)
        return in.fail_at(at, decode_errc::limit_exceeded, "section kind");
      document_sequence_view sequence = take_sequence(in);
      auto* end = seen.data() + message.sequences;
      if (in.ok() && std::find(seen.data(), end, sequence.identifier) != end)
        return in.fail_at(at + 5, decode_errc::bad_value, "sequence identifier");
      *end = sequence.identifier;
      ++message.sequences;
    } else {
      return in.fail_at(at, decode_errc::unknown_tag, "section kind");
    }
  }
  if (in.ok() && !body) in.fail(decode_errc::bad_state, "body section");
}

}  // namespace detail

/// Whole documents one after the other and nothing else; lengths and final zeroes only.
inline decoded<byte_view> decode_documents(byte_view documents) {
  cursor in(documents);
  while (in.ok() && in.remaining() != 0) detail::take_document(in);
  return in.finish(documents);
}

/// `frame`: exactly one message. A checksum that is there is checked.
inline decoded<op_msg_view> decode_op_msg(byte_view frame) {
  cursor in(frame);
  op_msg_view message;
  message.header = detail::open_message(in, opcode::msg);
  message.flags = in.le<std::uint32_t>("flags");
  if (in.ok() && (message.flags & op_msg_flag::required & ~op_msg_flag::known_required))
    in.fail_at(message_header_bytes, decode_errc::bad_value, "flags");
  std::size_t checksum_bytes = message.flags & op_msg_flag::checksum_present ? 4 : 0;
  std::size_t begin = in.offset();
  std::size_t end = in.ok() ? message.header.length : begin;
  if (in.ok() && end < begin + checksum_bytes) in.fail_at(0, decode_errc::bad_length, "message length");
  if (in.ok() && end < frame.size()) in.fail_at(end, decode_errc::trailing_bytes, "end of message");
  if (in.ok()) {
    message.sections = frame.subspan(begin, end - checksum_bytes - begin);
    cursor sections(frame.first(end - checksum_bytes));
    sections.bytes(begin, "sections");
    detail::take_sections(sections, message);
    if (!sections.ok()) return std::unexpected(sections.error());
    in.bytes(message.sections.size(), "sections");
  }
  if (checksum_bytes != 0) {
    auto checksum = in.le<std::uint32_t>("checksum");
    if (in.ok() && checksum != crc32c(frame.first(end - 4)))
      in.fail_at(end - 4, decode_errc::bad_checksum, "checksum");
  }
  return in.finish(message);
}

/// Hands out the sequences of a message that has been decoded.
class sequence_reader {
 public:
  explicit sequence_reader(const op_msg_view& message) : in_(message.sections) {}

  bool next(document_sequence_view& sequence) {
    while (in_.ok() && in_.remaining() != 0) {
      if (in_.u8("section kind") == 1) {
        sequence = detail::take_sequence(in_);
        return in_.ok();
      }
      detail::take_document(in_);
    }
    return false;
  }

 private:
  cursor in_;
};

/// Writes header and flags. Then come sections: open_body and a bson_writer, put_body, put_sequence; and
/// close_op_msg with what this returns.
inline std::size_t open_op_msg(std::vector<std::uint8_t>& out, std::int32_t request_id,
                               std::uint32_t flags = 0, std::int32_t response_to = 0) {
  std::size_t mark = open_message(out, opcode::msg, request_id, response_to);
  encoder(out).le(flags);
  return mark;
}

/// One document is to follow.
inline void open_body(std::vector<std::uint8_t>& out) {
  out.push_back(0);
}

inline void put_body(std::vector<std::uint8_t>& out, byte_view document) {
  open_body(out);
  encoder(out).bytes(document);
}

/// `documents`: whole ones, one after the other. bad_value for an identifier with a NUL.
inline decoded<void> put_sequence(std::vector<std::uint8_t>& out, const document_sequence_view& sequence) {
  encoder to(out);
  to.u8(1);
  to.le(static_cast<std::uint32_t>(4 + sequence.identifier.size() + 1 + sequence.documents.size()));
  to.cstring(sequence.identifier, "sequence identifier");
  to.bytes(sequence.documents);
  if (!to.ok()) return std::unexpected(to.error());
  return {};
}

/// Fills in the length, and appends the checksum if the flags say that there is one. The message's size.
inline decoded<std::size_t> close_op_msg(std::vector<std::uint8_t>& out, std::size_t mark) {
  auto flags = load_le<std::uint32_t>(out.data() + mark + message_header_bytes);
  bool checksum = flags & op_msg_flag::checksum_present;
  if (checksum) encoder(out).le(std::uint32_t{0});
  decoded<std::size_t> size = close_message(out, mark);
  if (size && checksum)
    store_le(out.data() + out.size() - 4, crc32c(byte_view(out).subspan(mark, *size - 4)));
  return size;
}

}  // namespace tidewire::mongo_wire
