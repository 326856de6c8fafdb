#include "mongo_wire/login.hpp"

#include "tests/core/failure_of.hpp"
#include "tests/core/scram_server.hpp"
#include "tests/mongo_wire/scripted_server.hpp"

using namespace tidewire;
using namespace tidewire::mongo_wire;
using namespace tidewire::mongo_wire::testing;
using tidewire::testing::failure_of;
using tidewire::testing::fault;
using tidewire::testing::for_each_failure;
using tidewire::testing::play;
using tidewire::testing::scram_server;

namespace {

const std::string primary =
    R"("ok":1,"isWritablePrimary":true,"setName":"rs","hosts":["a:1"],"maxWireVersion":17,)"
    R"("minWireVersion":0)";

/// What is between `begin` and the next quote.
std::string between(const std::string& text, const std::string& begin) {
  std::size_t at = text.find(begin);
  if (at == text.npos) throw script_mismatch(text + "\nlacks " + begin);
  at += begin.size();
  return text.substr(at, text.find('"', at) - at);
}

std::string payload_in(const std::string& command) {
  auto data = decode_base64(between(command, R"("payload":{"$binary":{"base64":")")).value();
  return {data.begin(), data.end()};
}

std::string step_text(const std::string& payload, bool done) {
  return R"({"conversationId":7,"done":)" + std::string(done ? "true" : "false") +
         R"(,"payload":{"$binary":{"base64":")" + scram_server::base64(payload) + R"(","subType":"00"}}})";
}

/// A reply that is that document and ok.
std::string with_ok(const std::string& document) {
  return document.substr(0, document.size() - 1) + R"(,"ok":1})";
}

struct outcome {
  hello_reply server;
  std::optional<compressor> compress_with;
  bool credentials_sent = false;
};

conversation<outcome> whole_login(tidewire::link& over, const connection_options& options,
                                  cluster_clock& clock, std::vector<std::string>* trace = nullptr) {
  session with(over, clock);
  if (trace) with.on_trace = [trace](const std::string& line) { trace->push_back(line); };
  hello_reply server = co_await log_in(with, options);
  co_return outcome{server, with.compress_with, with.credentials_sent};
}

conversation<outcome> encrypted_login(tidewire::link& over, const connection_options& options,
                                      cluster_clock& clock) {
  tls_options tls;
  co_await over.start_tls(tls);
  outcome got = co_await whole_login(over, options, clock);
  co_return got;
}

outcome login_with_tls(const script& steps, const std::string& uri) {
  connection_options options = parse_connection_string(uri);
  cluster_clock clock;
  return play(steps, message_size, [&](tidewire::link& to) { return encrypted_login(to, options, clock); });
}

outcome login(const script& steps, const std::string& uri, fault inject = {},
              std::vector<std::string>* trace = nullptr) {
  connection_options options = parse_connection_string(uri);
  cluster_clock clock;
  return play(
      steps, message_size, [&](tidewire::link& to) { return whole_login(to, options, clock, trace); },
      inject);
}

scram_server server_for(scram_hash hash, const std::string& password) {
  scram_server server(hash, password);
  server.iterations = 4096;
  return server;
}

/// saslStart and saslContinue after hello's answer.
void expect_scram(script& steps, scram_server& server, const char* mechanism) {
  expect(steps, [&server, mechanism](const std::string& command) {
    if (between(command, R"("mechanism":")") != mechanism) throw script_mismatch(command);
    return with_ok(step_text(server.first(payload_in(command)), false));
  });
  expect(steps, [&server](const std::string& command) {
    if (!command.starts_with(R"({"saslContinue":)")) throw script_mismatch(command);
    return with_ok(step_text(server.final(payload_in(command)), true));
  });
}

const std::string aws_uri = "mongodb://AKID:hunter2@a/?authMechanism=MONGODB-AWS";

/// The other end of MONGODB-AWS, that does not ask anybody.
struct aws_server {
  std::function<std::string(const std::string& ours)> nonce = [](const std::string& ours) {
    return ours + std::string(32, 's');
  };
  std::string host = "sts.eu-north-1.amazonaws.com";
  std::string begin, end;  // answers to the two steps in place of the right ones
  std::string proof;       // the client's second message

  tidewire::testing::script script() {
    proof.clear();
    tidewire::testing::script steps;
    expect(steps, [](const std::string& command) {
      if (command.find("speculative") != command.npos) throw script_mismatch(command);
      return "{" + primary + "}";
    });
    expect(steps, [this](const std::string& command) {
      std::string start = R"({"saslStart":{"$numberInt":"1"},"mechanism":"MONGODB-AWS","payload":)";
      if (!command.starts_with(start) || command.find(R"("$db":"$external")") == command.npos)
        throw script_mismatch(command);
      if (!begin.empty()) return begin;
      auto ours = decode_base64(between(canonical(as_vector(payload_in(command))), R"("base64":")")).value();
      std::string whole = nonce({ours.begin(), ours.end()});
      std::vector<std::uint8_t> first =
          bson_of(R"({"s":{"$binary":{"base64":")" + scram_server::base64(whole) +
                  R"(","subType":"00"}},"h":")" + host + R"("})");
      return with_ok(step_text({first.begin(), first.end()}, false));
    });
    expect(steps, [this](const std::string& command) {
      if (!command.starts_with(R"({"saslContinue":{"$numberInt":"1"},"conversationId":{"$numberInt":"7"})"))
        throw script_mismatch(command);
      proof = canonical(as_vector(payload_in(command)));
      return end.empty() ? with_ok(step_text("", true)) : end;
    });
    return steps;
  }

  static std::vector<std::uint8_t> as_vector(const std::string& bytes) {
    return {bytes.begin(), bytes.end()};
  }
};

// md5("user:mongo:pencil")
constexpr const char* digest = "1c33006ec1ffd90f9cadcbcc0e118200";

}  // namespace

TEST_CASE("login: nobody, and what hello says", "[mongo_login]") {
  script steps;
  expect(steps,
         R"({"hello":{"$numberInt":"1"},"client":{"application":{"name":"x"},"driver":{"name":"tidewire")",
         "{" + primary + "}");
  outcome got = login(steps, "mongodb://a/?appName=x");
  CHECK(got.server.kind == server_kind::primary);
  CHECK(got.server.set_name == "rs");
  CHECK_FALSE(got.credentials_sent);
  CHECK_FALSE(got.compress_with.has_value());
}

TEST_CASE("login: SCRAM begins in hello", "[mongo_login]") {
  scram_server server = server_for(scram_hash::sha256, "pencil");
  script steps;
  expect(steps, [&server](const std::string& command) {
    if (command.find(R"("saslSupportedMechs":"admin.user")") == command.npos) throw script_mismatch(command);
    if (command.find(R"("mechanism":"SCRAM-SHA-256")") == command.npos) throw script_mismatch(command);
    return "{" + primary + R"(,"speculativeAuthenticate":)" +
           step_text(server.first(payload_in(command)), false) + "}";
  });
  expect(steps, [&server](const std::string& command) {
    if (!command.starts_with(R"({"saslContinue":{"$numberInt":"1"},"conversationId":{"$numberInt":"7"})"))
      throw script_mismatch(command);
    return with_ok(step_text(server.final(payload_in(command)), true));
  });
  CHECK(login(steps, "mongodb://user:pencil@a").credentials_sent);
  CHECK(server.user == "user");
  CHECK(failure_of([&] { login(steps, "mongodb://user:wrong@a"); }).code == "TW-AUTH-PASSWORD");
  CHECK(for_each_failure(steps, message_size, [&](tidewire::link& to) {
          static connection_options options = parse_connection_string("mongodb://user:pencil@a");
          static cluster_clock clock;
          return whole_login(to, options, clock);
        }) > 3);
}

TEST_CASE("login: the mechanism that the server has for the user", "[mongo_login]") {
  for (bool strong : {false, true}) {
    CAPTURE(strong);
    scram_server server =
        strong ? server_for(scram_hash::sha256, "pencil") : server_for(scram_hash::sha1, digest);
    script steps;
    expect(steps, R"({"hello")",
           "{" + primary + R"(,"saslSupportedMechs":["SCRAM-SHA-1")" +
               (strong ? R"(,"SCRAM-SHA-256"]})" : "]}"));
    expect_scram(steps, server, strong ? "SCRAM-SHA-256" : "SCRAM-SHA-1");
    CHECK(login(steps, "mongodb://user:pencil@a").credentials_sent);
  }
  scram_server server = server_for(scram_hash::sha1, digest);
  script steps;
  expect(steps, R"({"hello")", "{" + primary + "}");
  expect_scram(steps, server, "SCRAM-SHA-1");
  CHECK(login(steps, "mongodb://user:pencil@a/?authMechanism=SCRAM-SHA-1").credentials_sent);
}

TEST_CASE("login: a server that wants to hear once more after SCRAM", "[mongo_login]") {
  scram_server server = server_for(scram_hash::sha256, "pencil");
  for (bool ends : {true, false}) {
    script steps;
    expect(steps, R"({"hello")", "{" + primary + "}");
    expect(steps, [&server](const std::string& command) {
      return with_ok(step_text(server.first(payload_in(command)), false));
    });
    expect(steps, [&server](const std::string& command) {
      return with_ok(step_text(server.final(payload_in(command)), false));
    });
    expect(steps, [ends](const std::string& command) {
      if (!payload_in(command).empty()) throw script_mismatch(command);
      return with_ok(step_text("", ends));
    });
    std::string uri = "mongodb://user:pencil@a/?authMechanism=SCRAM-SHA-256";
    if (ends)
      CHECK(login(steps, uri).credentials_sent);
    else
      CHECK(failure_of([&] { login(steps, uri); }).code == "TW-AUTH-SCRAM");
  }
}

TEST_CASE("login: a server that makes guessing cheap, or does not know the password", "[mongo_login]") {
  scram_server server = server_for(scram_hash::sha256, "pencil");
  server.iterations = 4095;
  script steps;
  expect(steps, R"({"hello")", "{" + primary + "}");
  expect(steps, [&server](const std::string& command) {
    return with_ok(step_text(server.first(payload_in(command)), false));
  });
  CHECK(failure_of([&] { login(steps, "mongodb://user:pencil@a"); }).code == "TW-AUTH-SCRAM");
  script impostor;
  server.iterations = 4096;
  expect(impostor, R"({"hello")", "{" + primary + "}");
  expect(impostor, [&server](const std::string& command) {
    return with_ok(step_text(server.first(payload_in(command)), false));
  });
  expect(impostor, "", with_ok(step_text("v=" + scram_server::base64(std::string(32, 'x')), true)));
  CHECK(failure_of([&] { login(impostor, "mongodb://user:pencil@a"); }).code == "TW-AUTH-SERVER-SIGNATURE");
}

TEST_CASE("login: errors of the server", "[mongo_login]") {
  script steps;
  expect(steps, R"({"hello")", "{" + primary + "}");
  expect(steps, R"({"saslStart")",
         R"({"ok":0,"code":18,"codeName":"AuthenticationFailed","errmsg":"Authentication failed."})");
  failure why = failure_of([&] { login(steps, "mongodb://user:hunter2@a/db"); });
  CHECK(why.code == "TW-AUTH-PASSWORD");
  CHECK(why.kind == failure_kind::refused);
  CHECK(std::string(why.what()).find("authSource db") != std::string::npos);
  CHECK(std::string(why.what()).find("hunter2") == std::string::npos);
}

TEST_CASE("login: servers that are too old", "[mongo_login]") {
  script steps;
  expect(steps, R"({"hello")", R"({"ok":1,"isWritablePrimary":true,"maxWireVersion":13})");
  CHECK(failure_of([&] { login(steps, "mongodb://a"); }).code == "TW-MONGO-VERSION");
}

TEST_CASE("login: compression as client and server agree", "[mongo_login]") {
  script steps;
  expect(steps, [](const std::string& command) {
    if (command.find(R"("compression":["zstd","snappy"])") == command.npos) throw script_mismatch(command);
    return "{" + primary + R"(,"compression":["zlib","snappy"]})";
  });
  CHECK(login(steps, "mongodb://a/?compressors=zstd,snappy").compress_with == compressor::snappy);
}

TEST_CASE("login: what is refused before anything is sent", "[mongo_login]") {
  script nothing;
  auto code = [&](const char* uri) { return failure_of([&] { login(nothing, uri); }).code; };
  CHECK(code("mongodb://u:p@a/?authMechanism=PLAIN") == "TW-AUTH-NOT-ALLOWED");
  CHECK(code("mongodb://a/?authMechanism=MONGODB-X509") == "TW-AUTH-NOT-ALLOWED");
  CHECK(code("mongodb://u@a/?authMechanism=GSSAPI") == "TW-AUTH-NOT-SUPPORTED");
  CHECK(code("mongodb://u@a") == "TW-AUTH-NO-PASSWORD");
  CHECK(code("mongodb://a/?authMechanism=MONGODB-AWS") == "TW-AUTH-NO-PASSWORD");
  // TLS was wanted, and the connection has none.
  script hello;
  expect(hello, R"({"hello")", "{" + primary + "}");
  CHECK(failure_of([&] { login(hello, "mongodb://u:p@a/?authMechanism=PLAIN&tls=true"); }).code ==
        "TW-AUTH-NOT-ALLOWED");
}

TEST_CASE("login: PLAIN over TLS", "[mongo_login]") {
  for (bool right : {true, false}) {
    script steps;
    steps.tls();
    expect(steps, R"({"hello")", "{" + primary + "}");
    expect(steps, [right](const std::string& command) -> std::string {
      if (payload_in(command) != std::string("\0user\0pencil", 12)) throw script_mismatch(command);
      if (command.find(R"("$db":"$external")") == command.npos) throw script_mismatch(command);
      return right ? with_ok(step_text("", true)) : R"({"ok":0,"code":18,"errmsg":"no"})";
    });
    std::string uri = "mongodb://user:pencil@a/?authMechanism=PLAIN&tls=true";
    if (right)
      CHECK(login_with_tls(steps, uri).credentials_sent);
    else
      CHECK(failure_of([&] { login_with_tls(steps, uri); }).code == "TW-AUTH-PASSWORD");
  }
}

TEST_CASE("login: a certificate", "[mongo_login]") {
  for (const char* user : {"", "CN%3Dclient@"}) {
    script steps;
    steps.tls();
    expect(steps, R"({"hello")", "{" + primary + "}");
    expect(steps,
           std::string(R"({"authenticate":{"$numberInt":"1"},"mechanism":"MONGODB-X509")") +
               (*user ? R"(,"user":"CN=client")" : "") + R"(,"$db":"$external"})",
           R"({"ok":1,"dbname":"$external","user":"CN=client"})");
    login_with_tls(steps, std::string("mongodb://") + user + "a/?authMechanism=MONGODB-X509&tls=true");
  }
}

TEST_CASE("login: MONGODB-AWS", "[mongo_login]") {
  aws_server server;
  for (const char* properties : {"", "&authMechanismProperties=AWS_SESSION_TOKEN:to%2Bken"}) {
    CAPTURE(properties);
    script steps = server.script();
    std::vector<std::string> trace;
    CHECK(login(steps, aws_uri + properties, {}, &trace).credentials_sent);
    CHECK(server.proof.find("Credential=AKID/") != std::string::npos);
    CHECK(server.proof.find("/eu-north-1/sts/aws4_request") != std::string::npos);
    CHECK((server.proof.find(R"("t":"to+ken")") != std::string::npos) == (*properties != 0));
    CHECK(trace.size() == 6);
    for (const std::string& line : trace) {
      CHECK(line.find("hunter2") == line.npos);
      CHECK(line.find("to+ken") == line.npos);
      CHECK(line.find("Signature") == line.npos);
    }
  }
  CHECK(for_each_failure(server.script(), message_size, [&](tidewire::link& to) {
          static connection_options options = parse_connection_string(aws_uri);
          static cluster_clock clock;
          return whole_login(to, options, clock);
        }) > 3);
}

TEST_CASE("login: MONGODB-AWS with a server that is wrong at any step", "[mongo_login]") {
  auto why = [](const aws_server& wrong) {
    aws_server server = wrong;
    std::vector<std::string> trace;
    failure got = failure_of([&] {
      login(server.script(), aws_uri + "&authMechanismProperties=AWS_SESSION_TOKEN:to%2Bken", {}, &trace);
    });
    for (const std::string& each : trace) CHECK(each.find("to+ken") == each.npos);
    CHECK(got.kind == failure_kind::refused);
    CHECK(std::string(got.what()).find("hunter2") == std::string::npos);
    CHECK(std::string(got.what()).find("to+ken") == std::string::npos);
    CHECK((server.proof.empty() || !wrong.end.empty()));  // who is wrong gets no signature
    return got;
  };
  aws_server server;
  server.nonce = [](const std::string&) { return std::string(64, 'x'); };
  CHECK(why(server).code == "TW-AUTH-AWS");
  server.nonce = [](const std::string& ours) { return ours; };
  CHECK(why(server).code == "TW-AUTH-AWS");
  server = {};
  server.host = "sts..com";
  CHECK(why(server).code == "TW-AUTH-AWS");
  server = {};
  server.end = with_ok(step_text("", false));
  CHECK(why(server).code == "TW-AUTH-AWS");
  server.end = R"({"ok":0,"code":18,"codeName":"AuthenticationFailed","errmsg":"Authentication failed."})";
  CHECK(why(server).code == "TW-AUTH-PASSWORD");
  CHECK(why(server).hint.find("clock") != std::string::npos);
  server.end =
      R"({"ok":0,"code":8000,"codeName":"AtlasError","errmsg":"bad auth : aws sts call has response 403"})";
  CHECK(why(server).code == "TW-AUTH-PASSWORD");
  server.end = R"({"ok":0,"code":11600,"errmsg":"bye"})";
  CHECK(failure_of([&] { login(server.script(), aws_uri); }).code == "TW-MONGO-NOT-PRIMARY");
  server.end = R"({"ok":1})";
  CHECK(why(server).code == "TW-MONGO-MALFORMED");
  server = {};
  server.begin = R"({"ok":0,"code":334,"errmsg":"mechanism MONGODB-AWS which is not enabled"})";
  CHECK(why(server).code == "TW-AUTH-NOT-SUPPORTED");
  server.begin = with_ok(step_text("", true));
  CHECK(why(server).code == "TW-AUTH-AWS");
  server.begin = R"({"ok":1,"conversationId":1,"done":false})";
  CHECK(why(server).code == "TW-MONGO-MALFORMED");
}

TEST_CASE("login: answers that are none", "[mongo_login]") {
  auto code = [](const std::string& reply) {
    script steps;
    expect(steps, R"({"hello")", reply);
    return failure_of([&] { login(steps, "mongodb://user:pencil@a"); }).code;
  };
  CHECK(code(R"({"ok":"x"})") == "TW-MONGO-MALFORMED");
  CHECK(code("{" + primary + R"(,"hosts":5})") == "TW-MONGO-MALFORMED");
  CHECK(code("{" + primary + R"(,"speculativeAuthenticate":{}})") == "TW-MONGO-MALFORMED");
  CHECK(code(R"({"ok":0,"code":11600,"errmsg":"bye"})") == "TW-MONGO-NOT-PRIMARY");
  // An answer to something else.
  script other;
  other.answers([](byte_view) {
    bytes out;
    std::size_t mark = open_op_msg(out, 1, 0, 99);
    put_body(out, bson_of(R"({"ok":1})"));
    REQUIRE(close_op_msg(out, mark).has_value());
    return out;
  });
  CHECK(failure_of([&] { login(other, "mongodb://a"); }).code == "TW-MONGO-MALFORMED");
}

TEST_CASE("login: the client's metadata is small enough", "[mongo_login]") {
  CHECK(client_metadata(std::string(1000, 'x')).size() <= 512);
  CHECK(canonical(client_metadata("")).starts_with(R"({"driver":{"name":"tidewire","version":)"));
}
