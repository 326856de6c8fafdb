#include "wire/trace.hpp"

#include "tests/wire/frame_case.hpp"
#include "wire/backend_query.hpp"
#include "wire/frontend.hpp"
#include "wire/replication_message.hpp"

using namespace tidewire;
using namespace tidewire::wire;
using namespace tidewire::wire::testing;

namespace {

std::string server_line(backend_tag tag, std::string_view body) {
  return trace_line(true, framed(tag, body));
}

std::string client_line(frontend_tag tag, std::string_view body) {
  return trace_line(false, framed(tag, body));
}

template <class Tag>
struct traced {
  Tag tag;
  const char* body;
  const char* line;
};

}  // namespace

TEST_CASE("trace: what the server says") {
  using enum backend_tag;
  const traced<backend_tag> cases[] = {
      {authentication, "00000000", "B\t8\tAuthenticationOk"},
      {authentication, "00000003", "B\t8\tAuthenticationCleartextPassword"},
      {authentication, "00000005 01020304", "B\t12\tAuthenticationMD5Password\t (4 bytes hidden)"},
      {authentication, "0000000a 'SCRAM-SHA-256-PLUS' 00 'SCRAM-SHA-256' 00 00",
       "B\t42\tAuthenticationSASL\t \"SCRAM-SHA-256-PLUS\" \"SCRAM-SHA-256\""},
      {authentication, "0000000b 'r=abc'", "B\t13\tAuthenticationSASLContinue\t (5 bytes hidden)"},
      {authentication, "0000000c 'v=abc'", "B\t13\tAuthenticationSASLFinal\t (5 bytes hidden)"},
      {authentication, "0000000d 'abc'", "B\t11\tAuthentication\t 13 (3 bytes hidden)"},
      {backend_key_data, "0000711a 350a9cf1", "B\t12\tBackendKeyData\t 28954 (4 bytes hidden)"},
      {bind_complete, "", "B\t4\tBindComplete"},
      {close_complete, "", "B\t4\tCloseComplete"},
      {command_complete, "'INSERT 0 1' 00", "B\t15\tCommandComplete\t \"INSERT 0 1\""},
      {copy_both_response, "00 0000", "B\t7\tCopyBothResponse\t \\x00 0"},
      {copy_data, "'a' 09 'b' 0a", "B\t8\tCopyData\t 'a\\x09b\\x0a'"},
      {copy_done, "", "B\t4\tCopyDone"},
      {copy_in_response, "00 0002 0000 0001", "B\t11\tCopyInResponse\t \\x00 2 0 1"},
      {copy_out_response, "01 0001 0001", "B\t9\tCopyOutResponse\t \\x01 1 1"},
      {data_row, "0003 00000002 'x' 00 ffffffff 00000000", "B\t20\tDataRow\t 3 2 'x\\x00' -1 0 ''"},
      {empty_query_response, "", "B\t4\tEmptyQueryResponse"},
      {error_response, "'SERROR' 00 'Mno \"x\"' 0a 00 00",
       "B\t21\tErrorResponse\t S \"ERROR\" M \"no \"x\"\\x0a\" \\x00"},
      {function_call_response, "ffffffff", "B\t8\tFunctionCallResponse\t -1"},
      {function_call_response, "00000001 '4'", "B\t9\tFunctionCallResponse\t 1 '4'"},
      {negotiate_protocol_version, "00030000 00000001 '_pq_.x' 00",
       "B\t19\tNegotiateProtocolVersion\t 196608 1 \"_pq_.x\""},
      {no_data, "", "B\t4\tNoData"},
      {notice_response, "'SNOTICE' 00 00", "B\t13\tNoticeResponse\t S \"NOTICE\" \\x00"},
      {notification_response, "00000007 'c' 00 00", "B\t11\tNotificationResponse\t 7 \"c\" \"\""},
      {parameter_description, "0002 00000017 c0000019", "B\t14\tParameterDescription\t 2 23 3221225497"},
      {parameter_status, "'TimeZone' 00 'UTC' 00", "B\t17\tParameterStatus\t \"TimeZone\" \"UTC\""},
      {parse_complete, "", "B\t4\tParseComplete"},
      {portal_suspended, "", "B\t4\tPortalSuspended"},
      {ready_for_query, "'T'", "B\t5\tReadyForQuery\t T"},
      {row_description, "0001 'id' 00 c0004001 0001 00000019 ffff ffffffff 0000",
       "B\t27\tRowDescription\t 1 \"id\" 3221241857 1 25 65535 -1 0"},
  };
  for (const auto& [tag, body, line] : cases) CHECK(server_line(tag, body) == line);
}

TEST_CASE("trace: what the client says") {
  using enum frontend_tag;
  const traced<frontend_tag> cases[] = {
      {bind, "'p' 00 's' 00 0001 0001 0002 00000001 '4' ffffffff 0001 0000",
       "F\t27\tBind\t \"p\" \"s\" 1 1 2 1 '4' -1 1 0"},
      {close, "'S' 's' 00", "F\t7\tClose\t S \"s\""},
      {copy_data, "'a'", "F\t5\tCopyData\t 'a'"},
      {copy_done, "", "F\t4\tCopyDone"},
      {copy_fail, "'no' 00", "F\t7\tCopyFail\t \"no\""},
      {describe, "'P' 00", "F\t6\tDescribe\t P \"\""},
      {execute, "00 00000064", "F\t9\tExecute\t \"\" 100"},
      {flush, "", "F\t4\tFlush"},
      {function_call, "00000548 0000 0001 00000001 '4' 0001", "F\t19\tFunctionCall\t 1352 0 1 1 '4' 1"},
      {parse, "00 'SELECT $1' 00 0001 00000017", "F\t21\tParse\t \"\" \"SELECT $1\" 1 23"},
      {password, "'secret' 00", "F\tNN\tPasswordMessage\t (hidden)"},
      {password, "'SCRAM-SHA-256' 00 00000004 'n,,n'",
       "F\tNN\tSASLInitialResponse\t \"SCRAM-SHA-256\" 4 (4 bytes hidden)"},
      {password, "'EXTERNAL' 00 ffffffff", "F\tNN\tSASLInitialResponse\t \"EXTERNAL\" -1"},
      {password, "'c=biws,r=1,p=2'", "F\tNN\tSASLResponse\t (hidden)"},
      {password, "", "F\tNN\tSASLResponse\t (hidden)"},
      {query, "'SELECT' 0a '1' 00", "F\t13\tQuery\t \"SELECT\\x0a1\""},
      {sync, "", "F\t4\tSync"},
      {terminate, "", "F\t4\tTerminate"},
  };
  for (const auto& [tag, body, line] : cases) CHECK(client_line(tag, body) == line);
}

TEST_CASE("trace: packets without a tag") {
  CHECK(trace_line(false, hex("00000008 04d2162f"), true) == "F\t8\tSSLRequest\t 1234 5679");
  CHECK(trace_line(false, hex("00000008 04d21630"), true) == "F\t8\tGSSENCRequest\t 1234 5680");
  CHECK(trace_line(false, hex("00000010 04d2162e 0000711a 350a9cf1"), true) ==
        "F\t16\tCancelRequest\t 1234 5678 28954 (4 bytes hidden)");
  CHECK(trace_line(false, hex("00000013 00030002 'user' 00 'rep' 00 00 "), true) ==
        "F\t19\tStartupMessage\t malformed: truncated at offset 18 (packet)");
  CHECK(trace_line(false, hex("00000012 00030002 'user' 00 'rep' 00 00 "), true) ==
        "F\t18\tStartupMessage\t 3 2 \"user\" \"rep\"");
  CHECK(trace_line(true, hex("'S'"), true) == "B\t1\tSSLResponse\t S");
  CHECK(trace_line(true, hex("'N'"), true) == "B\t1\tSSLResponse\t N");
  CHECK(trace_line(true, hex("'G'"), true) == "B\t1\tGSSENCResponse\t G");
  // Some old or overloaded servers answer with an error.
  CHECK(trace_line(true, hex("'E' 0000000c 'SFATAL' 00 00"), true) ==
        "B\t12\tErrorResponse\t S \"FATAL\" \\x00");
}

TEST_CASE("trace: CopyData of replication is named, with its positions") {
  auto server = [](const char* payload) { return server_line(backend_tag::copy_data, payload); };
  auto client = [](const char* payload) { return client_line(frontend_tag::copy_data, payload); };
  CHECK(server("'w' 0000001601750328 0000001601750330 0002e7a1d3b4c5f6 'B' 01") ==
        "B\t31\tCopyData\t XLogData 16/1750328 16/1750330 817632181011958 2 'B\\x01'");
  CHECK(server("'k' 0000001601750328 0002e7a1d3b4c5f6 01") ==
        "B\t22\tCopyData\t Keepalive 16/1750328 817632181011958 1");
  CHECK(server("'s' 0000001601750328 00000002000002e1 00000002000002e2 0002e7a1d3b4c5f6") ==
        "B\t37\tCopyData\t PrimaryStatus 16/1750328 8589935329 8589935330 817632181011958");
  CHECK(client("'r' 0000001601750330 0000001601750328 0000000000000000 0002e7a1d3b4c5f6 00") ==
        "F\t38\tCopyData\t StandbyStatus 16/1750330 16/1750328 0/0 817632181011958 0");
  CHECK(client("'h' 0002e7a1d3b4c5f6 c00002e1 00000002 00000000 00000000") ==
        "F\t29\tCopyData\t HotStandbyFeedback 817632181011958 3221226209 2 0 0");
  CHECK(client("'p' 0002e7a1d3b4c5f6") == "F\t13\tCopyData\t PrimaryStatusRequest 817632181011958");
  CHECK(server("'k' 0000001601750328 0002e7a1d3b4c5f6 02") ==
        "B\t22\tCopyData\t malformed: bad_value at offset 17 (reply requested)");
}

TEST_CASE("trace: copied lines that begin with the letters of replication are just data") {
  CHECK(server_line(backend_tag::copy_data, "'wide line of more than 25 bytes' 0a") ==
        "B\t36\tCopyData\t 'wide line of more than 25 bytes\\x0a'");
  CHECK(server_line(backend_tag::copy_data, "'k2345678901234567' 0a") ==
        "B\t22\tCopyData\t 'k2345678901234567\\x0a'");
  CHECK(client_line(frontend_tag::copy_data, "'p2345678' 0a") == "F\t13\tCopyData\t 'p2345678\\x0a'");
  // What the other side would mean by it.
  CHECK(client_line(frontend_tag::copy_data, "'k' 0000001601750328 0002e7a1d3b4c5f6 01").find("Keepalive") ==
        std::string::npos);
}

TEST_CASE("trace: what is malformed says where") {
  CHECK(trace_line(true, {}) == "B\t?\t?\t malformed: truncated at offset 0 (message tag)");
  CHECK(trace_line(true, hex("'Z'")) == "B\t?\t?\t Z malformed: truncated at offset 1 (length)");
  CHECK(trace_line(true, hex("'Z' 00000005")) == "B\t5\t?\t Z malformed: truncated at offset 5 (body)");
  CHECK(trace_line(true, hex("'Z' ffffffff")) == "B\t-1\t?\t Z malformed: bad_length at offset 1 (length)");
  CHECK(trace_line(true, hex("'x' 00000004")) ==
        "B\t4\t?\t x malformed: unknown_tag at offset 0 (message tag)");
  CHECK(trace_line(false, hex("80 00000004")) ==
        "F\t4\t?\t \\x80 malformed: unknown_tag at offset 0 (message tag)");
  CHECK(trace_line(true, hex("'Z' 00000005 'I' 'Z'")) ==
        "B\t5\t?\t Z malformed: trailing_bytes at offset 6 (end of message)");
  CHECK(server_line(backend_tag::row_description, "0001 'id'") ==
        "B\t8\tRowDescription\t malformed: unterminated_string at offset 2 (field name)");
  CHECK(server_line(backend_tag::authentication, "0000") ==
        "B\t6\tAuthentication\t malformed: truncated at offset 0 (authentication request)");
  CHECK(client_line(frontend_tag::sync, "00") ==
        "F\t5\tSync\t malformed: trailing_bytes at offset 0 (end of message)");
  CHECK(trace_line(false, {}, true) == "F\t?\tStartupMessage\t malformed: truncated at offset 0 (length)");
  CHECK(trace_line(true, {}, true) == "B\t?\t?\t malformed: truncated at offset 0 (message tag)");
}

TEST_CASE("trace: long values are cut, and lines of very many") {
  std::string sql(513, 'x');
  bytes frame = encoded([&](encoder& out) { encode_query(out, sql); });
  CHECK(trace_line(false, frame) == "F\t518\tQuery\t \"" + std::string(512, 'x') + "\"...(513 bytes)");
  sql.pop_back();
  frame = encoded([&](encoder& out) { encode_query(out, sql); });
  CHECK(trace_line(false, frame) == "F\t517\tQuery\t \"" + sql + "\"");

  bytes big(1 << 20, 0xff);
  frame = encoded([&](encoder& out) { encode_copy_data(out, big); });
  std::string line = trace_line(true, frame);
  CHECK(line.size() < 3000);
  CHECK(line.ends_with("\\xff'...(1048576 bytes)"));

  std::vector<std::optional<byte_view>> values(65'535, byte_view(big).first(600));
  frame = encoded([&](encoder& out) { encode_data_row(out, values); });
  line = trace_line(true, frame);
  CHECK(line.size() < 20'000);
  CHECK(line.ends_with("(600 bytes) ..."));
}

TEST_CASE("trace: no secret is shown, whatever is missing of its message") {
  struct secret {
    bool from_server;
    bool startup;
    const char* frame;
  };
  const secret cases[] = {
      {false, false, "'p' 0000000e 'SeCrEt' 'SeC' 00"},
      {false, false, "'p' 0000001c 'SCRAM-SHA-256' 00 00000006 'SeCrEt'"},
      {false, false, "'p' 0000001c 'SCRAM-sha-256' 00 00000006 'SeCrEt'"},
      {false, false, "'p' 0000000a 'SeCrEt'"},
      {true, false, "'R' 0000000e 0000000b 'SeCrEt'"},
      {true, false, "'R' 0000000e 0000000c 'SeCrEt'"},
      {true, false, "'R' 0000000e 00000008 'SeCrEt'"},
      {true, false, "'R' 0000000e 0000000d 'SeCrEt'"},
      {true, false, "'R' 0000000c 00000005 'SeCr'"},
      {true, false, "'K' 0000000e 00000001 'SeCrEt'"},
      {false, true, "00000012 04d2162e 00000001 'SeCrEt'"},
  };
  for (const secret& each : cases) {
    CAPTURE(each.frame);
    bytes whole = hex(each.frame);
    CHECK(trace_line(each.from_server, whole, each.startup).find("hidden)") != std::string::npos);
    for (std::size_t size = 0; size <= whole.size(); ++size) {
      for (bool right_length : {false, true}) {
        bytes cut = copy_of(byte_view(whole).first(size));
        std::size_t length_at = each.startup ? 0 : 1;
        if (right_length && size >= length_at + 4)
          store_be(&cut[length_at], static_cast<std::uint32_t>(size - length_at));
        for (int more = 0; more < 2; ++more, cut.push_back('S')) {
          std::string line = trace_line(each.from_server, cut, each.startup);
          CHECK(line.find("SeC") == std::string::npos);
          CHECK(line.find("CrEt") == std::string::npos);
        }
      }
    }
  }
}

TEST_CASE("trace: one line, whatever the bytes") {
  for (bool from_server : {false, true}) {
    for (bool startup : {false, true}) {
      for (int tag = 0; tag < 256; ++tag) {
        for (const char* body : {"", "00", "0001", "'a' 00 'b' 00 00", "0000000a 0a0d 00 00"}) {
          std::string line = trace_line(from_server, framed(tag, body), startup);
          CHECK(line.starts_with(from_server ? "B\t" : "F\t"));
          CHECK(std::ranges::all_of(line, [](char c) { return c == '\t' || (c >= 0x20 && c < 0x7f); }));
        }
      }
    }
  }
}
