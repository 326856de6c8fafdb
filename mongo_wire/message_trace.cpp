#include "mongo_wire/message_trace.hpp"

#include <algorithm>
#include <array>

#include "core/trace_line.hpp"
#include "mongo_wire/extended_json.hpp"
#include "mongo_wire/op_compressed.hpp"
#include "mongo_wire/op_msg.hpp"

namespace tidewire::mongo_wire {
namespace {

using trace::line;

constexpr std::size_t max_fields_bytes = 4096;
constexpr std::size_t max_name_bytes = 256;

/// What a login may show. Of any other field nothing is known: a server could send back what it was sent.
bool may_be_shown(std::string_view name, trace_of kind) {
  constexpr std::array names{"saslStart",   "saslContinue",   "authenticate", "createUser", "updateUser",
                             "mechanism",   "conversationId", "done",         "ok",         "code",
                             "codeName",    "roles",          "mechanisms",   "$db",        "operationTime",
                             "errorLabels", "writeConcern"};
  if (kind == trace_of::usual) return true;
  if (kind == trace_of::hello) return name != "speculativeAuthenticate";
  return std::ranges::find(names, name) != names.end();
}

/// Up to the limit, and so one of `fields` more.
decoded<std::string> shown(bson_view fields, trace_of kind) {
  extended_json_options how;
  how.not_utf8 = bad_text::hex;
  std::string text = "{";
  bson_reader reader(fields);
  for (element_view each; text.size() <= max_fields_bytes && reader.next(each);) {
    text += (text.size() > 1 ? ",\"" : "\"") + std::string(each.name.substr(0, max_name_bytes)) + "\":";
    if (!may_be_shown(each.name, kind)) {
      text += "(hidden)";
      continue;
    }
    json::buffer value;
    auto put = put_extended_json(value, each, how);
    if (!put) return std::unexpected(put.error());
    text += value.view().substr(0, max_fields_bytes + 1);
  }
  if (!reader.ok()) return std::unexpected(reader.error());
  return text + "}";
}

void show_body(line& out, bool from_server, const op_msg_view& message, trace_of kind) {
  element_view first;
  bson_reader reader(message.body);
  if (from_server)
    out.word("reply");
  else if (reader.next(first))
    out.quoted(first.name);
  auto fields = shown(message.body, kind);
  if (!fields) return void(out.malformed(fields.error()));
  out.text(*fields, max_fields_bytes);
  if (message.sequences != 0) out.word("and").number(message.sequences).word("document sequences");
}

}  // namespace

std::string trace_line(bool from_server, byte_view frame, const decoded<message_view>& plain, trace_of kind) {
  line out(from_server);
  cursor in(frame);
  message_header header = detail::read_header(in);
  // A password may be in it as it is (PLAIN): then its length is worth knowing.
  if (kind == trace_of::login && !from_server)
    out.raw("NN\t");
  else
    out.raw_number(frame.size()).raw("\t");
  if (!in.ok()) return out.name("?").malformed(in.error()).take();
  out.name(name_of(header.code)).number(header.request_id).number(header.response_to);
  if (header.code == opcode::compressed) {
    auto wrapped = decode_op_compressed(frame);
    if (!wrapped) return out.malformed(wrapped.error()).take();
    out.word(name_of(wrapped->id)).number(wrapped->uncompressed_bytes);
  }
  if (!plain) return out.malformed(plain.error()).take();
  auto message = decode_op_msg(plain->frame);
  if (message)
    show_body(out, from_server, *message, kind);
  else
    out.malformed(message.error());
  return out.take();
}

}  // namespace tidewire::mongo_wire
