// OP_QUERY and OP_REPLY: only a first hello in the old form and its answer still look like this.
// https://www.mongodb.com/docs/manual/legacy-opcodes/
#pragma once

#include "mongo_wire/op_msg.hpp"

namespace tidewire::mongo_wire {

/// Borrows the frame.
struct op_query_view {
  message_header header;
  std::uint32_t flags = 0;
  std::string_view collection;  // "admin.$cmd" for a command
  std::int32_t skip = 0;
  std::int32_t limit = 0;
  bson_view query;
  bson_view fields;  // size 0: none
};

/// Borrows the frame.
struct op_reply_view {
  message_header header;
  std::uint32_t flags = 0;
  std::int64_t cursor_id = 0;
  std::int32_t starting_from = 0;
  std::uint32_t count = 0;
  byte_view documents;  // for document_reader
};

/// `frame`: exactly one message.
inline decoded<op_query_view> decode_op_query(byte_view frame) {
  cursor in(frame);
  op_query_view message;
  message.header = detail::open_message(in, opcode::query);
  message.flags = in.le<std::uint32_t>("flags");
  message.collection = in.cstring("collection");
  message.skip = in.le<std::int32_t>("skip");
  message.limit = in.le<std::int32_t>("limit");
  auto document = [&in] {
    byte_view bytes = detail::take_document(in);
    auto size = static_cast<std::uint32_t>(bytes.size());
    return bson_view{bytes.data(), size, 0, size};
  };
  if (in.ok()) message.query = document();
  if (in.ok() && in.offset() < message.header.length) message.fields = document();
  if (in.ok() && in.offset() != message.header.length)
    in.fail_at(0, decode_errc::bad_length, "message length");
  return in.finish(message);
}

/// `frame`: exactly one message.
inline decoded<op_reply_view> decode_op_reply(byte_view frame) {
  cursor in(frame);
  op_reply_view message;
  message.header = detail::open_message(in, opcode::reply);
  message.flags = in.le<std::uint32_t>("flags");
  message.cursor_id = in.le<std::int64_t>("cursor id");
  message.starting_from = in.le<std::int32_t>("starting from");
  std::size_t count_at = in.offset();
  message.count = in.le<std::uint32_t>("document count");
  std::size_t begin = in.offset();
  std::uint32_t found = 0;
  while (in.ok() && in.offset() < message.header.length) {
    detail::take_document(in);
    ++found;
  }
  if (in.ok() && in.offset() != message.header.length)
    in.fail_at(0, decode_errc::bad_length, "message length");
  if (in.ok() && found != message.count) in.fail_at(count_at, decode_errc::bad_length, "document count");
  if (in.ok()) message.documents = frame.subspan(begin, in.offset() - begin);
  return in.finish(message);
}

inline decoded<std::size_t> encode_op_query(std::vector<std::uint8_t>& out, const op_query_view& message) {
  std::size_t mark = open_message(out, opcode::query, message.header.request_id, message.header.response_to);
  encoder to(out);
  to.le(message.flags);
  to.cstring(message.collection, "collection");
  to.le(message.skip);
  to.le(message.limit);
  to.bytes(message.query.bytes());
  if (message.fields.size != 0) to.bytes(message.fields.bytes());
  if (!to.ok()) return std::unexpected(to.error());
  return close_message(out, mark);
}

inline decoded<std::size_t> encode_op_reply(std::vector<std::uint8_t>& out, const op_reply_view& message) {
  std::size_t mark = open_message(out, opcode::reply, message.header.request_id, message.header.response_to);
  encoder to(out);
  to.le(message.flags);
  to.le(message.cursor_id);
  to.le(message.starting_from);
  to.le(message.count);
  to.bytes(message.documents);
  return close_message(out, mark);
}

}  // namespace tidewire::mongo_wire
