#include "wire/trace.hpp"

#include "core/trace_line.hpp"
#include "wire/backend_auth.hpp"
#include "wire/backend_query.hpp"
#include "wire/backend_session.hpp"
#include "wire/error_notice.hpp"
#include "wire/frontend.hpp"
#include "wire/replication_message.hpp"
#include "wire/startup_message.hpp"

namespace tidewire::wire {

namespace {

using trace::line;

/// The fields of what was decoded, or why it was not.
template <class T, class Show>
void show(line& out, const decoded<T>& message, Show fields) {
  if (message)
    fields(*message);
  else
    out.malformed(message.error());
}

template <std::integral T>
void show_list(line& out, const integer_list<T>& list) {
  out.number(list.size());
  for (std::size_t i = 0; i < list.size() && !out.full(); ++i) {
    if constexpr (sizeof(T) == 2)
      out.number(static_cast<std::uint16_t>(list[i]));
    else
      out.number(list[i]);
  }
}

void show_list(line& out, const value_list& list) {
  out.number(list.count);
  value_reader reader(list);
  for (std::optional<byte_view> value; !out.full() && reader.next(value);) out.value(value);
}

// ---- CopyData.

/// Whether a payload of CopyData may be the replication message: what else is copied can begin with the same
/// letter, but text has no zero bytes, and here comes the upper byte of an LSN or time that is not near 2^56.
bool may_be(byte_view payload, replication_kind kind, std::size_t least, std::size_t most) {
  return payload.size() >= least && payload.size() <= most && payload[0] == static_cast<std::uint8_t>(kind) &&
         payload[1] == 0;
}

bool may_be(byte_view payload, replication_kind kind, std::size_t size) {
  return may_be(payload, kind, size, size);
}

void show_server_copy(line& out, byte_view payload) {
  if (may_be(payload, replication_kind::xlog_data, xlog_data_head_bytes, ~std::size_t{0})) {
    show(out, decode_xlog_data(payload), [&](const xlog_data_view& m) {
      out.word("XLogData").word(to_string(m.start)).word(to_string(m.end)).number(m.sent_time_us);
      out.number(m.data.size()).value(m.data);
    });
  } else if (may_be(payload, replication_kind::keepalive, 18)) {
    show(out, decode_keepalive(payload), [&](const keepalive_message& m) {
      out.word("Keepalive").word(to_string(m.end)).number(m.sent_time_us).number(+m.reply_requested);
    });
  } else if (may_be(payload, replication_kind::primary_status, 33)) {
    show(out, decode_primary_status(payload), [&](const primary_status_view& m) {
      out.word("PrimaryStatus").word(to_string(m.end)).number(m.oldest_committing_xid).number(m.next_xid);
      out.number(m.sent_time_us);
    });
  } else {
    out.value(payload);
  }
}

void show_client_copy(line& out, byte_view payload) {
  if (may_be(payload, replication_kind::standby_status, 34)) {
    show(out, decode_standby_status(payload), [&](const standby_status& m) {
      out.word("StandbyStatus")
          .word(to_string(m.written))
          .word(to_string(m.flushed))
          .word(to_string(m.applied));
      out.number(m.time_us).number(+m.reply_requested);
    });
  } else if (may_be(payload, replication_kind::hot_standby_feedback, 25)) {
    show(out, decode_hot_standby_feedback(payload), [&](const hot_standby_feedback& m) {
      out.word("HotStandbyFeedback").number(m.time_us).number(m.xmin).number(m.xmin_epoch);
      out.number(m.catalog_xmin).number(m.catalog_xmin_epoch);
    });
  } else if (may_be(payload, replication_kind::primary_status_request, 9)) {
    show(out, decode_primary_status_request(payload),
         [&](const primary_status_request& m) { out.word("PrimaryStatusRequest").number(m.time_us); });
  } else {
    out.value(payload);
  }
}

// ---- From the server.

void show_authentication(line& out, byte_view body) {
  auto message = decode_authentication(body);
  const char* name = message ? name_of(message->request) : nullptr;
  out.name(name ? name : name_of(backend_tag::authentication));
  show(out, message, [&](const authentication_view& m) {
    if (!name) out.number(static_cast<std::uint32_t>(m.request));
    if (m.request == auth_request::md5_password) {
      out.hidden(m.salt.size());
    } else if (m.request == auth_request::sasl) {
      mechanism_reader reader(m);
      for (std::string_view each; !out.full() && reader.next(each);) out.quoted(each);
    } else if (!m.data.empty()) {
      out.hidden(m.data.size());
    }
  });
}

void show_error(line& out, const error_view& m) {
  error_field_reader reader(m);
  char code = 0;
  for (std::string_view text; !out.full() && reader.next(code, text);) out.letter(code).quoted(text);
  if (!out.full()) out.letter('\0');
}

void show_row_description(line& out, const row_description_view& m) {
  out.number(m.field_count);
  field_reader reader(m);
  for (field_description f; !out.full() && reader.next(f);) {
    out.quoted(f.name).number(f.table_oid).number(static_cast<std::uint16_t>(f.column_number));
    out.number(f.type_oid).number(static_cast<std::uint16_t>(f.type_size)).number(f.type_modifier);
    out.number(static_cast<std::uint16_t>(f.format));
  }
}

void show_negotiation(line& out, const negotiate_protocol_version_view& m) {
  out.number(m.version).number(m.option_count);
  option_reader reader(m);
  for (std::string_view each; !out.full() && reader.next(each);) out.quoted(each);
}

void show_backend(line& out, const backend_message& message) {
  byte_view body = message.body;
  if (message.tag == backend_tag::authentication) return show_authentication(out, body);
  out.name(name_of(message.tag));
  switch (message.tag) {
    case backend_tag::authentication: break;
    case backend_tag::backend_key_data:
      return show(out, decode_backend_key_data(body),
                  [&](const backend_key_data_view& m) { out.number(m.process_id).hidden(m.secret.size()); });
    case backend_tag::command_complete:
      return show(out, decode_command_complete(body),
                  [&](const command_complete_view& m) { out.quoted(m.tag); });
    case backend_tag::copy_data: return show_server_copy(out, body);
    case backend_tag::copy_in_response:
    case backend_tag::copy_out_response:
    case backend_tag::copy_both_response:
      return show(out, decode_copy_response(body), [&](const copy_response_view& m) {
        out.letter(static_cast<char>(m.overall_format));
        show_list(out, m.formats);
      });
    case backend_tag::data_row:
      return show(out, decode_data_row(body), [&](const data_row_view& m) { show_list(out, m.values); });
    case backend_tag::error_response:
    case backend_tag::notice_response:
      return show(out, decode_error_response(body), [&](const error_view& m) { show_error(out, m); });
    case backend_tag::function_call_response:
      return show(out, decode_function_call_response(body),
                  [&](const function_call_response_view& m) { out.value(m.result); });
    case backend_tag::negotiate_protocol_version:
      return show(out, decode_negotiate_protocol_version(body),
                  [&](const negotiate_protocol_version_view& m) { show_negotiation(out, m); });
    case backend_tag::notification_response:
      return show(out, decode_notification_response(body), [&](const notification_response_view& m) {
        out.number(m.process_id).quoted(m.channel).quoted(m.payload);
      });
    case backend_tag::parameter_description:
      return show(out, decode_parameter_description(body),
                  [&](const parameter_description_view& m) { show_list(out, m.types); });
    case backend_tag::parameter_status:
      return show(out, decode_parameter_status(body),
                  [&](const parameter_status_view& m) { out.quoted(m.name).quoted(m.value); });
    case backend_tag::ready_for_query:
      return show(out, decode_ready_for_query(body),
                  [&](const ready_for_query_message& m) { out.letter(m.status); });
    case backend_tag::row_description:
      return show(out, decode_row_description(body),
                  [&](const row_description_view& m) { show_row_description(out, m); });
    case backend_tag::bind_complete:
    case backend_tag::close_complete:
    case backend_tag::copy_done:
    case backend_tag::empty_query_response:
    case backend_tag::no_data:
    case backend_tag::parse_complete:
    case backend_tag::portal_suspended: return show(out, decode_empty(body), [](const empty_message&) {});
  }
}

// ---- From the client.

bool is_mechanism(std::string_view name) {
  for (char c : name)
    if (!(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '-' && c != '_') return false;
  return !name.empty() && name.size() <= 20;
}

/// Only what came before it tells which of the 'p' messages it is; here, its form has to.
void show_password(line& out, byte_view body) {
  auto initial = decode_sasl_initial_response(body);
  if (initial && is_mechanism(initial->mechanism)) {
    out.name("SASLInitialResponse").quoted(initial->mechanism);
    if (!initial->data) return void(out.number(-1));
    return void(out.number(initial->data->size()).hidden(initial->data->size()));
  }
  // Not how many bytes: of a password, its length is worth knowing.
  out.name(decode_password(body) ? name_of(frontend_tag::password) : "SASLResponse").word("(hidden)");
}

void show_bind(line& out, const bind_view& m) {
  out.quoted(m.portal).quoted(m.statement);
  show_list(out, m.parameter_formats);
  show_list(out, m.values);
  show_list(out, m.result_formats);
}

void show_frontend(line& out, const frontend_message& message) {
  byte_view body = message.body;
  if (message.tag == frontend_tag::password) return show_password(out, body);
  out.name(name_of(message.tag));
  switch (message.tag) {
    case frontend_tag::password: break;
    case frontend_tag::bind:
      return show(out, decode_bind(body), [&](const bind_view& m) { show_bind(out, m); });
    case frontend_tag::close:
      return show(out, decode_close(body), [&](const close_view& m) { out.letter(m.kind).quoted(m.name); });
    case frontend_tag::copy_data: return show_client_copy(out, body);
    case frontend_tag::copy_fail:
      return show(out, decode_copy_fail(body), [&](const copy_fail_view& m) { out.quoted(m.reason); });
    case frontend_tag::describe:
      return show(out, decode_describe(body),
                  [&](const describe_view& m) { out.letter(m.kind).quoted(m.name); });
    case frontend_tag::execute:
      return show(out, decode_execute(body),
                  [&](const execute_view& m) { out.quoted(m.portal).number(m.max_rows); });
    case frontend_tag::function_call:
      return show(out, decode_function_call(body), [&](const function_call_view& m) {
        out.number(m.function_oid);
        show_list(out, m.argument_formats);
        show_list(out, m.arguments);
        out.number(static_cast<std::uint16_t>(m.result_format));
      });
    case frontend_tag::parse:
      return show(out, decode_parse(body), [&](const parse_view& m) {
        out.quoted(m.statement).quoted(m.sql);
        show_list(out, m.types);
      });
    case frontend_tag::query:
      return show(out, decode_query(body), [&](const query_view& m) { out.quoted(m.sql); });
    case frontend_tag::copy_done:
    case frontend_tag::flush:
    case frontend_tag::sync:
    case frontend_tag::terminate: return show(out, decode_empty(body), [](const empty_message&) {});
  }
}

// ---- Packets without a tag.

void show_version(line& out, std::uint32_t version) {
  out.number(version >> 16).number(version & 0xffff);
}

void show_startup(line& out, const startup_packet& m) {
  switch (m.kind) {
    case startup_kind::cancel_request:
      show_version(out.name("CancelRequest"), cancel_request_code);
      out.number(m.cancel.process_id).hidden(m.cancel.secret.size());
      break;
    case startup_kind::ssl_request: return show_version(out.name("SSLRequest"), ssl_request_code);
    case startup_kind::gssenc_request: return show_version(out.name("GSSENCRequest"), gssenc_request_code);
    case startup_kind::startup:
      show_version(out.name("StartupMessage"), m.startup.version);
      startup_parameter_reader reader(m.startup);
      std::string_view name;
      for (std::string_view value; !out.full() && reader.next(name, value);) out.quoted(name).quoted(value);
      break;
  }
}

void trace_startup(line& out, byte_view packet) {
  if (packet.size() >= 4)
    out.raw_number(load_be<std::int32_t>(packet.data())).raw("\t");
  else
    out.raw("?\t");
  auto message = decode_startup_packet(packet);
  if (!message) out.name("StartupMessage");
  show(out, message, [&](const startup_packet& m) { show_startup(out, m); });
}

/// N refuses both requests, and is printed as the more usual one's.
void trace_encryption_answer(line& out, byte_view answer) {
  char c = static_cast<char>(answer[0]);
  out.raw("1\t").name(c == 'G' ? "GSSENCResponse" : "SSLResponse").letter(c);
}

template <class Message, class Show>
void trace_message(line& out, byte_view frame, const decoded<Message>& message, Show fields) {
  bool password = std::is_same_v<Message, frontend_message> && !frame.empty() && frame[0] == 'p';
  if (password || frame.size() < frame_head_bytes)
    out.raw(password ? "NN\t" : "?\t");
  else
    out.raw_number(load_be<std::int32_t>(frame.data() + 1)).raw("\t");
  if (!message) {
    out.name("?");
    if (!frame.empty()) out.letter(static_cast<char>(frame[0]));
  }
  show(out, message, [&](const Message& m) { fields(out, m); });
}

}  // namespace

std::string trace_line(bool from_server, byte_view frame, bool startup) {
  line out(from_server);
  if (startup && !from_server)
    trace_startup(out, frame);
  else if (startup && frame.size() == 1)
    trace_encryption_answer(out, frame);
  else if (from_server)
    trace_message(out, frame, split_backend(frame), show_backend);
  else
    trace_message(out, frame, split_frontend(frame), show_frontend);
  return out.take();
}

}  // namespace tidewire::wire
