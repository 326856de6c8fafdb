#include "mongo_wire/session.hpp"

#include <algorithm>
#include <array>
#include <openssl/rand.h>

namespace tidewire::mongo_wire {
namespace {

/// All but the usual ones go to servers that have not agreed on compression yet, or hold secrets.
trace_of kind_of(std::string_view name) {
  constexpr std::array names{"saslStart", "saslContinue", "authenticate", "createUser", "updateUser"};
  if (name == "hello") return trace_of::hello;
  return std::ranges::find(names, name) != names.end() ? trace_of::login : trace_of::usual;
}

std::string_view name_of_command(byte_view fields) {
  auto document = decode_document(fields);
  element_view first;
  if (document && bson_reader(*document).next(first)) return first.name;
  return "";
}

}  // namespace

void cluster_clock::learn(bson_view cluster_time) {
  if (cluster_time.size == 0) return;
  auto at = find(cluster_time, "clusterTime");
  if (!at || !at->as_timestamp() || *at->as_timestamp() <= time) return;
  time = *at->as_timestamp();
  byte_view bytes = cluster_time.bytes();
  document.assign(bytes.begin(), bytes.end());
}

session_id make_session_id() {
  session_id id;
  if (RAND_bytes(id.data(), static_cast<int>(id.size())) != 1)
    throw failure{failure_kind::transient, "TW-INTERNAL", "the system has no random numbers", ""};
  id[6] = static_cast<std::uint8_t>((id[6] & 0x0f) | 0x40);  // a UUID of version 4
  id[8] = static_cast<std::uint8_t>((id[8] & 0x3f) | 0x80);
  return id;
}

void session::encode(const std::string& database, byte_view fields) {
  kind_ = kind_of(name_of_command(fields));
  std::vector<std::uint8_t> plain;
  std::size_t wire_begin = to.out.size();
  bool compress = compress_with && kind_ == trace_of::usual;
  std::vector<std::uint8_t>& out = compress ? plain : to.out;
  sent_id_ = next_id_++;
  if (next_id_ < 0) next_id_ = 1;
  std::size_t mark = open_op_msg(out, sent_id_);
  open_body(out);
  std::size_t begin = out.size();
  bson_writer body(out);
  bson_reader reader(*decode_document(fields));
  for (element_view each; reader.next(each);) body.put_element(each.name, each);
  body.put_string("$db", database);
  if (kind_ == trace_of::usual) {
    if (id) {
      body.open_document("lsid");
      body.put_binary("id", {binary_uuid, *id});
      body.close();
    }
    if (!read_preference.empty()) body.put_document("$readPreference", read_preference);
    if (!clock_.document.empty()) body.put_document("$clusterTime", clock_.document);
  }
  if (!body.finish() || !close_op_msg(out, mark)) {
    to.out.clear();
    throw failure{failure_kind::usage, "TW-MONGO-ENCODE",
                  "this can't be sent to the server: " + std::to_string(out.size() - begin) + " bytes",
                  "a name with a zero byte, or something too large"};
  }
  if (compress) well_formed(compress_message(to.out, plain, *compress_with, zlib_level), "command");
  if (on_trace)
    on_trace(trace_line(false, byte_view(to.out).subspan(wire_begin),
                        split_message(byte_view(out).subspan(mark)), kind_));
}

decoded<message_view> session::unwrap(byte_view frame) {
  auto wrapped = decode_op_compressed(frame);
  if (!wrapped) return std::unexpected(wrapped.error());
  auto message = decompress_.unwrap(*wrapped);
  if (!message) return std::unexpected(message.error());
  return split_message(*message);
}

answer session::decode(byte_view frame) {
  waiting_ = false;
  if (on_received) on_received(frame);
  decoded<message_view> plain = split_message(frame);
  bool compressed = plain && plain->header.code == opcode::compressed;
  if (compressed) plain = unwrap(frame);
  if (on_trace) on_trace(trace_line(true, frame, plain, kind_));
  message_view message = well_formed(plain, compressed ? "OP_COMPRESSED" : "message");
  op_msg_view reply = well_formed(decode_op_msg(message.frame), "reply");
  if (reply.header.response_to != sent_id_ || reply.more_to_come())
    throw failure{failure_kind::refused, "TW-MONGO-MALFORMED",
                  "a message of the server answers request " + std::to_string(reply.header.response_to) +
                      ", and " + std::to_string(sent_id_) + " was asked",
                  "is there something between here and the server that mixes connections?"};
  answer got{well_formed(decode_reply(reply.body), "reply"), reply.body};
  clock_.learn(got.reply.cluster_time);
  return got;
}

conversation<> session::send(std::string database, std::vector<std::uint8_t> fields) {
  encode(database, fields);
  waiting_ = true;
  co_await to.send();
}

conversation<std::optional<answer>> session::receive_or_wake() {
  std::optional<byte_view> frame = co_await to.receive_or_wake();
  std::optional<answer> got;
  if (frame) got = decode(*frame);
  co_return got;
}

conversation<answer> session::receive() {
  byte_view frame = co_await to.receive();
  co_return decode(frame);
}

conversation<answer> session::command(std::string database, std::vector<std::uint8_t> fields) {
  co_await send(std::move(database), std::move(fields));
  answer got = co_await receive();
  co_return got;
}

conversation<answer> session::must(std::string doing, std::string database,
                                   std::vector<std::uint8_t> fields) {
  answer got = co_await command(std::move(database), std::move(fields));
  if (!got.reply.ok) throw server_failure{doing, got.reply};
  co_return got;
}

void malformed(std::string_view what, const decode_error& error) {
  throw failure{failure_kind::refused, "TW-MONGO-MALFORMED",
                "a " + std::string(what) +
                    " of the server can't be decoded: " + std::string(to_string(error.code)) + " at offset " +
                    std::to_string(error.offset) + " (" + error.field + ")",
                "is this a MongoDB server, and nothing between it and here?"};
}

}  // namespace tidewire::mongo_wire
