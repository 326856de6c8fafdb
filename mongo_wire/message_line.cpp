#include "mongo_wire/message_line.hpp"

#include <string>

namespace tidewire::mongo_wire {
namespace {

class line_writer {
 public:
  line_writer(json::buffer& out, const extended_json_options& values) : out_(out), values_(values) {}

  decoded<void> message(const message_view& of) {
    head(of.header);
    switch (of.header.code) {
      case opcode::msg: return msg(of.frame);
      case opcode::query: return query(of.frame);
      case opcode::reply: return reply(of.frame);
      case opcode::compressed: break;
    }
    return std::unexpected(decode_error{decode_errc::bad_state, 12, "opcode"});
  }

 private:
  void head(const message_header& of) {
    out_.text(R"({"opcode":")" + std::string(name_of(of.code)) + R"(","id":)" +
              std::to_string(of.request_id) + R"(,"answers":)" + std::to_string(of.response_to));
  }

  decoded<void> msg(byte_view frame) {
    auto message = decode_op_msg(frame);
    if (!message) return std::unexpected(message.error());
    number(R"(,"flags":)", message->flags);
    decoded<void> done = document(R"(,"body":)", message->body);
    if (message->sequences == 0) return done;
    out_.text(R"(,"sequences":{)");
    sequence_reader reader(*message);
    bool first = true;
    for (document_sequence_view each; done && reader.next(each); first = false) {
      if (!first) out_.text(",");
      done = text(each.identifier);
      out_.text(":");
      if (done) done = documents(each.documents);
    }
    out_.text("}");
    return done;
  }

  decoded<void> query(byte_view frame) {
    auto message = decode_op_query(frame);
    if (!message) return std::unexpected(message.error());
    number(R"(,"flags":)", message->flags);
    out_.text(R"(,"collection":)");
    decoded<void> done = text(message->collection);
    number(R"(,"skip":)", message->skip);
    number(R"(,"limit":)", message->limit);
    if (done) done = document(R"(,"query":)", message->query);
    if (done && message->fields.size != 0) done = document(R"(,"fields":)", message->fields);
    return done;
  }

  decoded<void> reply(byte_view frame) {
    auto message = decode_op_reply(frame);
    if (!message) return std::unexpected(message.error());
    number(R"(,"flags":)", message->flags);
    number(R"(,"cursor":)", message->cursor_id);
    number(R"(,"starting_from":)", message->starting_from);
    out_.text(R"(,"documents":)");
    return documents(message->documents);
  }

  void number(std::string_view name, std::int64_t value) {
    out_.text(name);
    out_.text(std::to_string(value));
  }

  decoded<void> text(std::string_view of) {
    char* at = out_.room(of.size() * json::worst_growth + 16);
    *at++ = '"';
    at = json::put_escaped_scalar(at, of.data(), of.data() + of.size());
    if (!at) return std::unexpected(decode_error{decode_errc::bad_value, 0, "name"});
    *at++ = '"';
    out_.end(at);
    return {};
  }

  decoded<void> document(std::string_view name, bson_view of) {
    out_.text(name);
    return put_extended_json(out_, of, values_);
  }

  decoded<void> documents(byte_view all) {
    out_.text("[");
    document_reader reader(all);
    decoded<void> done;
    bool first = true;
    for (bson_view each; done && reader.next(each); first = false) {
      if (!first) out_.text(",");
      done = put_extended_json(out_, each, values_);
    }
    out_.text("]");
    return done;
  }

  json::buffer& out_;
  const extended_json_options& values_;
};

}  // namespace

decoded<void> put_message_line(json::buffer& out, const message_view& message,
                               const extended_json_options& values) {
  std::size_t begin = out.size();
  decoded<void> done = line_writer(out, values).message(message);
  if (done)
    out.text("}\n");
  else
    out.truncate(begin);
  return done;
}

}  // namespace tidewire::mongo_wire
