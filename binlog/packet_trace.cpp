#include "binlog/packet_trace.hpp"

#include <algorithm>

#include "binlog/dump_request.hpp"
#include "binlog/event.hpp"
#include "binlog/handshake.hpp"
#include "binlog/response.hpp"

namespace tidewire::binlog {

namespace {

using trace::line;

constexpr std::size_t most_columns = 4096;  // that a table or result can have
constexpr std::size_t ssl_request_bytes = 32;

constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

std::size_t find_word(std::string_view text, std::string_view word, std::size_t from = 0) {
  auto same = [](char a, char b) { return lower(a) == b; };
  auto at = std::search(text.begin() + static_cast<std::ptrdiff_t>(from), text.end(), word.begin(),
                        word.end(), same);
  return at == text.end() ? text.npos : static_cast<std::size_t>(at - text.begin());
}

/// A value of a row may be a GRANT or CREATE USER with a hash in it.
std::size_t hash_in(std::string_view value) {
  return find_word(value, "identified");
}

template <class T, class Show>
void show(line& out, const decoded<T>& packet, Show fields) {
  if (packet)
    fields(*packet);
  else
    out.malformed(packet.error());
}

std::string hex(std::uint32_t number) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text = "0x";
  for (int shift = 28; shift >= 0; shift -= 4) text += digits[number >> shift & 15];
  return text;
}

// ---- From the client.

void show_query(line& out, std::string_view sql) {
  std::size_t secret = secret_in(sql);
  out.name("COM_QUERY").quoted(sql.substr(0, secret));
  if (secret != sql.npos) out.word("(the rest is hidden)");
}

void show_register(line& out, cursor in) {
  auto id = in.le<std::uint32_t>("server id");
  std::string_view host = in.text(in.u8("host length"), "host");
  if (!in.ok()) return void(out.malformed(in.error()));
  out.number(id).quoted(host).word("(hidden)");  // a user and a password come behind
}

void show_dump(line& out, cursor in) {
  auto offset = in.le<std::uint32_t>("offset");
  auto flags = in.le<std::uint16_t>("flags");
  auto id = in.le<std::uint32_t>("server id");
  if (!in.ok()) return void(out.malformed(in.error()));
  out.quoted(as_text(in.rest())).number(offset).number(flags).number(id);
}

void show_dump_gtid(line& out, cursor in) {
  auto flags = in.le<std::uint16_t>("flags");
  auto id = in.le<std::uint32_t>("server id");
  std::string_view file = in.text(in.le<std::uint32_t>("file length"), "file");
  auto offset = in.le<std::uint64_t>("offset");
  byte_view set = in.bytes(in.le<std::uint32_t>("set length"), "GTID set");
  if (!in.ok()) return void(out.malformed(in.error()));
  out.quoted(file).number(offset).number(flags).number(id);
  show(out, gtid_set::decode(set), [&](const gtid_set& m) { out.quoted(m.text(",")); });
}

// ---- From the server.

void show_greeting(line& out, byte_view payload) {
  out.name("Handshake");
  show(out, decode_greeting(payload), [&](const greeting_view& m) {
    out.quoted(m.server_version).number(m.connection_id).word(hex(m.capabilities)).quoted(m.plugin);
    out.hidden(m.salt_begin.size() + m.salt_rest.size());
  });
}

void show_ok(line& out, byte_view payload) {
  out.name("OK");
  show(out, decode_ok(payload), [&](const ok_view& m) {
    out.number(m.affected_rows).number(m.insert_id).number(m.status).number(m.warnings);
  });
}

void show_eof(line& out, byte_view payload) {
  out.name("EOF");
  cursor in(payload);
  in.u8("head");
  if (!in.remaining()) return;
  auto warnings = in.le<std::uint16_t>("warnings");
  auto status = in.le<std::uint16_t>("status");
  if (!in.ok()) return void(out.malformed(in.error()));
  out.number(warnings).number(status);
}

void show_event(line& out, byte_view bytes) {
  out.name("BinlogEvent");
  show(out, decode_event_header(bytes), [&](const event_header& m) {
    if (const char* name = name_of(m.type))
      out.word(name);
    else
      out.word("code").number(static_cast<int>(m.type));
    out.number(m.log_pos).number(m.event_size);
    if (m.flags & event_flag::artificial) out.word("artificial");
  });
}

void show_row(line& out, byte_view payload, std::vector<std::optional<std::string_view>>& values) {
  out.name("Row");
  show(out, decode_text_row(payload, values), [&](std::size_t count) {
    out.number(count);
    for (std::size_t i = 0; i < count && !out.full(); ++i) {
      if (!values[i]) {
        out.number(-1);
        continue;
      }
      std::size_t hash = hash_in(*values[i]);
      out.number(values[i]->size()).value(as_bytes(values[i]->substr(0, hash)));
      if (hash != std::string_view::npos) out.word("(the rest is hidden)");
    }
  });
}

}  // namespace

std::size_t secret_in(std::string_view sql) {
  constexpr std::string_view word = "password";
  std::size_t secret = find_word(sql, "identified");
  auto in_name = [](char c) {
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
  };
  // Not validate_password.policy and its like.
  for (std::size_t at = find_word(sql, word); at < secret; at = find_word(sql, word, at + 1)) {
    std::size_t behind = at + word.size();
    if (behind == sql.size() || !in_name(sql[behind])) return at;
  }
  return secret;
}

void packet_trace::sent(byte_view payload) {
  line out(false);
  if (next_ == wanted::login && payload.size() == ssl_request_bytes) {
    out.raw("32\t").name("SSLRequest").word(hex(load_le<std::uint32_t>(payload.data())));
  } else if (next_ == wanted::greeting || next_ == wanted::login) {
    // A password may be in it as it is: then its length is worth knowing too.
    next_ = wanted::authentication;
    out.raw("NN\t").name("HandshakeResponse");
    std::string_view user;
    if (payload.size() > ssl_request_bytes) user = as_text(payload.subspan(ssl_request_bytes));
    if (payload.size() >= 4) out.word(hex(load_le<std::uint32_t>(payload.data())));
    out.quoted(user.substr(0, user.find('\0'))).word("(hidden)");
  } else if (next_ == wanted::authentication) {
    out.raw("NN\t").name("AuthResponse").word("(hidden)");
  } else {
    show_command(out, payload);
  }
  to_(out.take());
}

void packet_trace::show_command(line& out, byte_view payload) {
  command_ = payload.empty() ? std::uint8_t{0} : payload[0];
  std::string_view sql = payload.empty() ? std::string_view{} : as_text(payload.subspan(1));
  secret_ = command_ == command::query && secret_in(sql) != sql.npos;
  next_ = wanted::answer;
  if (secret_)
    out.raw("NN\t");
  else
    out.raw_number(payload.size()).raw("\t");
  cursor in(payload);
  in.u8("command");
  switch (command_) {
    case command::quit: out.name("COM_QUIT"); break;
    case command::ping: out.name("COM_PING"); break;
    case command::query: show_query(out, sql); break;
    case command::register_slave: show_register(out.name("COM_REGISTER_SLAVE"), in); break;
    case command::binlog_dump:
      next_ = wanted::events;
      show_dump(out.name("COM_BINLOG_DUMP"), in);
      break;
    case command::binlog_dump_gtid:
      next_ = wanted::events;
      show_dump_gtid(out.name("COM_BINLOG_DUMP_GTID"), in);
      break;
    default: out.name("?").number(command_);
  }
}

void packet_trace::received(byte_view payload) {
  line out(true);
  out.raw_number(payload.size()).raw("\t");
  if (payload.empty())
    out.name("?");
  else if (payload[0] == error_head)
    show_error(out, payload);
  else
    show_answer(out, payload);
  to_(out.take());
}

void packet_trace::show_error(line& out, byte_view payload) {
  if (next_ == wanted::columns || next_ == wanted::rows || next_ == wanted::events) next_ = wanted::answer;
  out.name("ERR");
  show(out, decode_error_packet(payload), [&](const error_view& m) {
    out.number(m.number);
    if (!m.state.empty()) out.quoted(m.state);
    // It repeats the statement from the fault on.
    if (secret_)
      out.word("(hidden)");
    else
      out.quoted(m.text);
  });
}

void packet_trace::show_answer(line& out, byte_view payload) {
  switch (next_) {
    case wanted::greeting: next_ = wanted::login; return show_greeting(out, payload);
    case wanted::login:
    case wanted::authentication: return show_authentication(out, payload);
    case wanted::answer:
    case wanted::columns:
    case wanted::rows: return show_result(out, payload);
    case wanted::events:
      if (payload[0] == ok_head) return show_event(out, payload.subspan(1));
      if (is_eof(payload)) return show_eof(out, payload);
      return void(out.name("?").hidden(payload.size()));
  }
}

void packet_trace::show_authentication(line& out, byte_view payload) {
  constexpr std::uint8_t fast_ok = 3;
  constexpr std::uint8_t full_wanted = 4;
  if (payload[0] == ok_head) {
    // Before our own answer it opens nothing: what we send next is still a login.
    if (next_ == wanted::authentication) next_ = wanted::answer;
    return show_ok(out, payload);
  }
  if (payload[0] == auth_switch_head) {
    out.name("AuthSwitchRequest");
    return show(out, decode_auth_switch(payload),
                [&](const auth_switch_view& m) { out.quoted(m.plugin).hidden(m.data.size()); });
  }
  out.name("AuthMoreData");
  byte_view data = payload[0] == auth_more_head ? payload.subspan(1) : payload;
  if (data.size() == 1 && data[0] == fast_ok)
    out.word("FastAuthOk");
  else if (data.size() == 1 && data[0] == full_wanted)
    out.word("FullAuthWanted");
  else if (as_text(data).starts_with("-----BEGIN"))
    out.word("PublicKey").hidden(data.size());
  else
    out.hidden(data.size());
}

void packet_trace::show_result(line& out, byte_view payload) {
  if (next_ == wanted::columns && columns_left_ != 0) {
    --columns_left_;
    out.name("ColumnDefinition");
    return show(out, decode_column(payload), [&](std::string_view name) { out.quoted(name); });
  }
  if (next_ != wanted::answer && is_eof(payload)) {
    next_ = next_ == wanted::columns ? wanted::rows : wanted::answer;
    return show_eof(out, payload);
  }
  if (next_ == wanted::rows) return show_row(out, payload, values_);
  if (next_ == wanted::answer && payload[0] == ok_head) return show_ok(out, payload);
  if (next_ == wanted::answer && command_ == command::query) {
    cursor in(payload);
    std::size_t count = detail::take_count(in, most_columns, "column count");
    out.name("ColumnCount");
    auto whole = in.finish(count);
    if (whole) {
      next_ = wanted::columns;
      columns_left_ = count;
      values_.assign(count, {});
    }
    return show(out, whole, [&](std::size_t m) { out.number(m); });
  }
  out.name("?").hidden(payload.size());
}

}  // namespace tidewire::binlog
