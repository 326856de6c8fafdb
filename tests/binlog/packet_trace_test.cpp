// What --trace prints: packets in their order, because most are told by what came before; and no secret.
#include "binlog/packet_trace.hpp"

#include "binlog/login.hpp"
#include "binlog/scramble.hpp"
#include "binlog/text_query.hpp"
#include "tests/binlog/event_case.hpp"
#include "tests/core/script.hpp"

using namespace tidewire;
using namespace tidewire::binlog;
using namespace tidewire::binlog::testing;

namespace {

struct step {
  char from;  // F(rontend) or B(ackend)
  const char* payload;
  const char* line;
};

template <std::size_t Count>
void check_lines(const step (&steps)[Count]) {
  std::string got;
  packet_trace trace([&](const std::string& line) { got = line; });
  for (const step& each : steps) {
    CAPTURE(each.payload);
    got.clear();
    if (each.from == 'F')
      trace.sent(hex(each.payload));
    else
      trace.received(hex(each.payload));
    CHECK(got == each.line);
  }
}

constexpr const char* greeting =
    "0a '8.0.33' 00 05000000 'saltsalt' 00 ffff ff 0200 ffff 15 000000000000 00000000 'restofthesal' 00 "
    "'caching_sha2_password' 00";
constexpr const char* greeting_line =
    "B\t74\tHandshake\t \"8.0.33\" 5 0xffffffff \"caching_sha2_password\" (20 bytes hidden)";
constexpr const char* login =
    "05a23a00 00000040 2d 00000000000000000000000000000000000000 00000000 'u' 00 03 'pwd'";
constexpr const char* login_line = "F\tNN\tHandshakeResponse\t 0x003aa205 \"u\" (hidden)";
constexpr step ok{'B', "00 00 00 0200 0000", "B\t7\tOK\t 0 0 2 0"};
constexpr step eof{'B', "fe 0000 0200", "B\t5\tEOF\t 0 2"};

}  // namespace

TEST_CASE("packet trace: a login in all its ways") {
  check_lines({
      {'B', greeting, greeting_line},
      {'F', "05aa3a00 00000040 2d 00000000000000000000000000000000000000 00000000",
       "F\t32\tSSLRequest\t 0x003aaa05"},
      {'F', login, login_line},
      {'B', "fe 'mysql_native_password' 00 '01234567890123456789' 00",
       "B\t44\tAuthSwitchRequest\t \"mysql_native_password\" (20 bytes hidden)"},
      {'F', "'secret'", "F\tNN\tAuthResponse\t (hidden)"},
      {'B', "01 03", "B\t2\tAuthMoreData\t FastAuthOk"},
      {'B', "01 04", "B\t2\tAuthMoreData\t FullAuthWanted"},
      {'F', "02", "F\tNN\tAuthResponse\t (hidden)"},
      {'B', "01 '-----BEGIN PUBLIC KEY-----'", "B\t27\tAuthMoreData\t PublicKey (26 bytes hidden)"},
      {'F', "'COM_QUERY' 00", "F\tNN\tAuthResponse\t (hidden)"},
      {'B', "'P' 00 'salt'", "B\t6\tAuthMoreData\t (6 bytes hidden)"},
      {'F', "", "F\tNN\tAuthResponse\t (hidden)"},
      ok,
      {'F', "0e", "F\t1\tCOM_PING"},
      ok,
      {'F', "01", "F\t1\tCOM_QUIT"},
  });
  check_lines({
      {'B', "ff 1504 '#28000Access denied for user'",
       "B\t31\tERR\t 1045 \"28000\" \"Access denied for user\""},
      // Whoever answers such a server still logs in.
      {'F', login, login_line},
  });
  check_lines({
      {'B', greeting, greeting_line},
      ok,
      {'F', login, login_line},
      {'B', "ff 1004 'Too many'", "B\t11\tERR\t 1040 \"Too many\""},
      {'F', "'secret'", "F\tNN\tAuthResponse\t (hidden)"},
  });
}

TEST_CASE("packet trace: statements and what they give") {
  check_lines({
      {'B', greeting, greeting_line},
      {'F', login, login_line},
      ok,
      {'F', "03 'SELECT \"1\"' 0a", "F\t12\tCOM_QUERY\t \"SELECT \"1\"\\x0a\""},
      {'B', "02", "B\t1\tColumnCount\t 2"},
      {'B', "03 'def' 00 00 00 01 'a' 00 0c 3f00", "B\t13\tColumnDefinition\t \"a\""},
      {'B', "03 'def' 00 00 00 01 'b' 00 0c 3f00", "B\t13\tColumnDefinition\t \"b\""},
      eof,
      {'B', "00 fb", "B\t2\tRow\t 2 0 '' -1"},
      {'B', "01 'x' 02 00ff", "B\t5\tRow\t 2 1 'x' 2 '\\x00\\xff'"},
      {'B', "01 'x'", "B\t2\tRow\t malformed: truncated at offset 2 (value)"},
      {'B', "1f 'GRANT x TO y IDENTIFIED BY HASH' 00",
       "B\t33\tRow\t 2 31 'GRANT x TO y ' (the rest is hidden) 0 ''"},
      eof,
      {'F', "03 'CREATE USER ' 27 'tw' 27 ' identified BY ' 27 'pw' 27",
       "F\tNN\tCOM_QUERY\t \"CREATE USER 'tw' \" (the rest is hidden)"},
      {'B', "ff 2804 '#42000near ' 27 'pw' 27", "B\t18\tERR\t 1064 \"42000\" (hidden)"},
      {'F', "03 'x'", "F\t2\tCOM_QUERY\t \"x\""},
      {'B', "ff 2804 '#42000near x'", "B\t15\tERR\t 1064 \"42000\" \"near x\""},
      {'F', "03 'x'", "F\t2\tCOM_QUERY\t \"x\""},
      {'B', "fd ffff00", "B\t4\tColumnCount\t malformed: limit_exceeded at offset 0 (column count)"},
      {'B', "fb 'file'", "B\t5\tColumnCount\t malformed: bad_value at offset 0 (column count)"},
      {'B', "", "B\t0\t?"},
      {'F', "", "F\t0\t?\t 0"},
      {'F', "99", "F\t1\t?\t 153"},
      {'B', "99", "B\t1\t?\t (1 bytes hidden)"},
  });
}

TEST_CASE("packet trace: a dump") {
  const step begin[] = {{'B', greeting, greeting_line}, {'F', login, login_line}, ok};
  check_lines({
      begin[0],
      begin[1],
      ok,
      {'F', "15 07000000 02 'me' 02 'us' 02 'pw' 0000 00000000 00000000",
       "F\t24\tCOM_REGISTER_SLAVE\t 7 \"me\" (hidden)"},
      ok,
      {'F', "12 04000000 0100 07000000 'binlog.000001'", "F\t24\tCOM_BINLOG_DUMP\t \"binlog.000001\" 4 1 7"},
      {'B', "00 00000000 04 01000000 2c000000 00000000 2000", "B\t20\tBinlogEvent\t Rotate 0 44 artificial"},
      {'B', "00 00000000 1e 01000000 2c010000 e8030000 0000", "B\t20\tBinlogEvent\t Write_rows 1000 300"},
      {'B', "00 00000000 c8 01000000 2c010000 e8030000 0000", "B\t20\tBinlogEvent\t code 200 1000 300"},
      {'B', "00 0000", "B\t3\tBinlogEvent\t malformed: truncated at offset 2 (event header)"},
      {'B', "07", "B\t1\t?\t (1 bytes hidden)"},
      eof,
  });
  check_lines({
      begin[0],
      begin[1],
      ok,
      {'F',
       "1e 0400 07000000 00000000 0400000000000000 30000000 0100000000000000 "
       "00112233445566778899aabbccddeeff 0100000000000000 0100000000000000 0600000000000000",
       "F\t71\tCOM_BINLOG_DUMP_GTID\t \"\" 4 4 7 \"00112233-4455-6677-8899-aabbccddeeff:1-5\""},
      {'B', "ff d404 '#HY000purged'", "B\t15\tERR\t 1236 \"HY000\" \"purged\""},
      {'F', "12 04", "F\t2\tCOM_BINLOG_DUMP\t malformed: truncated at offset 1 (offset)"},
  });
}

TEST_CASE("packet trace: words behind which a password may follow") {
  CHECK(secret_in("SELECT 1") == std::string_view::npos);
  CHECK(secret_in("SHOW VARIABLES LIKE 'validate_password.policy'") == std::string_view::npos);
  CHECK(secret_in("SELECT @@validate_password_policy, @@x_password_check") == std::string_view::npos);
  CHECK(secret_in("SET PASSWORD = 'x'") == 4);
  CHECK(secret_in("SET PassWord='x'") == 4);
  CHECK(secret_in("SET validate_password.policy=1, PASSWORD") == 32);
  CHECK(secret_in("CHANGE MASTER TO MASTER_PASSWORD='x'") == 24);
  CHECK(secret_in("ALTER USER password IDENTIFIED BY 'x'") == 11);
  CHECK(secret_in("ALTER USER a IDENTIFIED BY PASSWORD 'x'") == 13);
}

TEST_CASE("packet trace: a line is bounded, whatever it shows") {
  std::string got;
  packet_trace trace([&](const std::string& line) { got = line; });
  trace.received(hex(greeting));
  trace.sent(hex(login));
  trace.received(hex(ok.payload));
  bytes query(1 << 20, 0xff);
  query[0] = 3;
  trace.sent(query);
  CHECK(got.size() < 4096);
  CHECK(got.ends_with("...(1048575 bytes)"));
  trace.received(hex("fc 0010"));
  for (int i = 0; i < 4096; ++i) trace.received(hex("03 'def' 00 00 00 01 'a' 00 0c 3f00"));
  trace.received(hex(eof.payload));
  bytes row;
  for (int i = 0; i < 4096; ++i) row.insert(row.end(), {3, 0xff, 0xff, 0xff});
  trace.received(row);
  CHECK(got.size() < 20'000);
  CHECK(got.ends_with(" ..."));
}

namespace {

conversation<> make_account(tidewire::link& to, const login_options& options, std::string& lines) {
  session with(to);
  with.trace = std::make_unique<packet_trace>([&](const std::string& line) { lines += line + "\n"; });
  co_await log_in(with, options);
  co_await text_query(with, "CREATE USER a IDENTIFIED BY 's3cret'", "making it");
}

}  // namespace

TEST_CASE("packet trace: a session shows both directions and no password") {
  using tidewire::testing::script;
  login_options options;
  options.user = "u";
  options.password = secret(std::string_view("pass word"));
  options.local_socket = true;  // so that it is sent as it is
  auto framed = [](std::uint8_t number, const char* payload) {
    return encoded([&](encoder& out) { encode_packet(out, number, hex(payload)); });
  };
  script steps;
  steps.gives(framed(0, greeting)).answers([&](byte_view) { return framed(2, "01 04"); });
  steps.answers([&](byte_view sent) {
    CHECK(as_text(sent).find("pass word") != std::string_view::npos);
    return framed(4, ok.payload);
  });
  steps.answers([&](byte_view) { return framed(1, ok.payload); });
  options.encrypt = tls_wanted::no;
  std::string lines;
  tidewire::testing::play(steps, packet_size,
                          [&](tidewire::link& to) { return make_account(to, options, lines); });
  CHECK(lines ==
        std::string(greeting_line) +
            "\nF\tNN\tHandshakeResponse\t 0x0038a205 \"u\" (hidden)\nB\t2\tAuthMoreData\t FullAuthWanted\n"
            "F\tNN\tAuthResponse\t (hidden)\nB\t7\tOK\t 0 0 2 0\n"
            "F\tNN\tCOM_QUERY\t \"CREATE USER a \" (the rest is hidden)\nB\t7\tOK\t 0 0 2 0\n");
}
