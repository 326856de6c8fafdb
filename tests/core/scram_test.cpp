#include "core/scram.hpp"

#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <openssl/evp.h>

#include "tests/core/failure_of.hpp"
#include "tests/core/scram_server.hpp"
#include "tests/paths.hpp"

using namespace tidewire;
using namespace tidewire::testing;

namespace {

struct exchange {
  scram_hash hash;
  std::string user, password, nonce, client_first, server_first, client_final, server_final;
};

void play(const exchange& x) {
  scram_client client(x.hash, x.user, secret{x.password}, {}, x.nonce);
  CHECK(client.client_first() == x.client_first);
  CHECK(client.client_final(x.server_first) == x.client_final);
  CHECK(!client.verified());
  client.verify(x.server_final);
  CHECK(client.verified());
}

const std::string nonce = "client-nonce";

/// A client that has said its first message.
std::unique_ptr<scram_client> begun(scram_options options = {}, scram_binding binding = {}) {
  auto client =
      std::make_unique<scram_client>(scram_hash::sha256, "", secret{"pencil"}, binding, nonce, options);
  client->client_first();
  return client;
}

std::string hex_md5(const std::string& text) {
  unsigned char hash[16];
  REQUIRE(EVP_Digest(text.data(), text.size(), hash, nullptr, EVP_md5(), nullptr) == 1);
  std::string hex;
  for (unsigned char byte : hash) {
    hex += "0123456789abcdef"[byte >> 4];
    hex += "0123456789abcdef"[byte & 15];
  }
  return hex;
}

}  // namespace

TEST_CASE("SCRAM-SHA-1 and SCRAM-SHA-256 as the RFCs show them", "[scram]") {
  play({scram_hash::sha1, "user", "pencil", "fyko+d2lbbFgONRv9qkxdawL",
        "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
        "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
        "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
        "v=rmF9pqV8S7suAoZWja4dJRkFsKQ="});
  play({scram_hash::sha256, "user", "pencil", "rOprNGfwEbeRWgbNEkqO", "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p="
        "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="});
}

TEST_CASE("SCRAM exchanges of MongoDB's specification", "[scram]") {
  std::filesystem::path file = testing::vectors_folder() / "mongo" / "scram.json";
  if (!std::filesystem::exists(file)) SKIP("no " << file);
  auto vectors = nlohmann::json::parse(std::ifstream(file));
  for (scram_hash hash : {scram_hash::sha1, scram_hash::sha256}) {
    const auto& v = vectors.at(std::string(scram_mechanism(hash, false)));
    auto text = [&](const char* name) { return v.at(name).template get<std::string>(); };
    std::string password = text("password");
    if (hash == scram_hash::sha1) password = hex_md5(text("user") + ":mongo:" + password);
    play({hash, text("user"), password, text("client_nonce"), text("client_first"), text("server_first"),
          text("client_final"), text("server_final")});
  }
}

TEST_CASE("The mechanisms have names", "[scram]") {
  CHECK(scram_mechanism(scram_hash::sha1, false) == "SCRAM-SHA-1");
  CHECK(scram_mechanism(scram_hash::sha1, true) == "SCRAM-SHA-1-PLUS");
  CHECK(scram_mechanism(scram_hash::sha256, false) == "SCRAM-SHA-256");
  CHECK(scram_mechanism(scram_hash::sha256, true) == "SCRAM-SHA-256-PLUS");
  scram_binding bound{scram_binding::tls_server_end_point, {1, 2, 3}};
  CHECK(scram_client(scram_hash::sha256, "", secret{"x"}, bound).mechanism() == "SCRAM-SHA-256-PLUS");
  bound.what = scram_binding::supported_not_used;
  CHECK(scram_client(scram_hash::sha1, "", secret{"x"}, bound).mechanism() == "SCRAM-SHA-1");
}

TEST_CASE("A login goes well with each hash, binding and password", "[scram]") {
  const std::vector<std::uint8_t> certificate{0xde, 0xad, 0, 0xbe, 0xef};
  struct {
    std::string given, prepared;
  } passwords[] = {{"pencil", "pencil"}, {"I\u00adX", "IX"},
                   {"a\xff", "a\xff"},   {"", ""},
                   {"\u0221", "\u0221"}, {std::string(300, 'p'), std::string(300, 'p')}};
  for (scram_hash hash : {scram_hash::sha1, scram_hash::sha256})
    for (auto kind :
         {scram_binding::none, scram_binding::supported_not_used, scram_binding::tls_server_end_point})
      for (const auto& password : passwords) {
        scram_client client(hash, "", secret{password.given}, {kind, certificate});
        scram_server server(hash, password.prepared);
        server.certificate_hash = as_text(certificate);
        std::string first = client.client_first();
        CHECK(first.starts_with(kind == scram_binding::none ? "n,,n=,r="
                                : kind == scram_binding::supported_not_used
                                    ? "y,,n=,r="
                                    : "p=tls-server-end-point,,n=,r="));
        client.verify(server.final(client.client_final(server.first(first))));
        CHECK(client.verified());
        CHECK(server.user.empty());
      }
}

TEST_CASE("A nonce is new each time and printable", "[scram]") {
  std::string a = scram_nonce(), b = scram_nonce();
  CHECK(a != b);
  CHECK(a.size() == 24);
  CHECK(a.find(',') == a.npos);
  scram_client one(scram_hash::sha256, "", secret{"x"}, {}), two(scram_hash::sha256, "", secret{"x"}, {});
  CHECK(one.client_first() != two.client_first());
}

TEST_CASE("The user name is escaped", "[scram]") {
  scram_client client(scram_hash::sha256, "a,b=c\u00e9=2C", secret{"x"}, {}, nonce);
  CHECK(client.client_first() == "n,,n=a=2Cb=3Dc\u00e9=3D2C,r=" + nonce);
  failure f = failure_of(
      [] { scram_client nul(scram_hash::sha256, std::string_view("a\0b", 3), secret{"x"}, {}, nonce); });
  CHECK(f.kind == failure_kind::usage);
  CHECK(f.code == "TW-AUTH-SCRAM");
}

TEST_CASE("By the RFC a password that can't be prepared is refused, without saying it", "[scram]") {
  scram_options strict;
  strict.password = saslprep_rules::rfc4013;
  for (std::string password : {"hunter2\xff", "hunter2\u0221", "hunter2\x07", "hunter2\u05d0"}) {
    failure f =
        failure_of([&] { scram_client(scram_hash::sha256, "u", secret{password}, {}, nonce, strict); });
    CHECK(f.code == "TW-AUTH-PASSWORD");
    CHECK(f.kind == failure_kind::refused);
    CHECK(std::string(f.what()).find("hunter2") == std::string::npos);
    CHECK(!f.hint.empty());
  }
  scram_client client(scram_hash::sha256, "u", secret{"I\u00adX"}, {}, nonce, strict);
  scram_server server(scram_hash::sha256, "IX");
  client.verify(server.final(client.client_final(server.first(client.client_first()))));
  CHECK(client.verified());
}

TEST_CASE("A certificate without a hash can't be bound to", "[scram]") {
  failure f = failure_of([] {
    scram_client(scram_hash::sha256, "", secret{"x"}, {scram_binding::tls_server_end_point, {}}, nonce);
  });
  CHECK(f.code == "TW-AUTH-SCRAM");
}

TEST_CASE("A wrong password, certificate or a hidden offer ends the login", "[scram]") {
  struct {
    const char* what;
    const char* says;
    std::string password;
    scram_binding binding;
  } cases[] = {
      {"password", "invalid-proof", "pen", {}},
      {"certificate", "channel-bindings-dont-match", "pencil", {scram_binding::tls_server_end_point, {9}}},
      {"offer", "server-does-support-channel-binding", "pencil", {scram_binding::supported_not_used}},
  };
  for (const auto& each : cases) {
    CAPTURE(each.what);
    scram_client client(scram_hash::sha256, "", secret{each.password}, each.binding, nonce);
    scram_server server(scram_hash::sha256, "pencil");
    server.certificate_hash = "\x08";
    server.offers_binding = true;
    std::string last = server.final(client.client_final(server.first(client.client_first())));
    failure f = failure_of([&] { client.verify(last); });
    CHECK(f.code == "TW-AUTH-PASSWORD");
    CHECK(f.kind == failure_kind::refused);
    CHECK(std::string(f.what()).find(each.says) != std::string::npos);
    CHECK(!f.hint.empty());
    CHECK(!client.verified());
  }
}

TEST_CASE("Errors of the server are told by its word if SCRAM has it", "[scram]") {
  for (std::string word :
       {"unknown-user", "invalid-username-encoding", "invalid-encoding", "no-resources", "other-error",
        "channel-binding-not-supported", "unsupported-channel-binding-type", "extensions-not-supported"}) {
    auto client = begun();
    scram_server server(scram_hash::sha256, "pencil");
    client->client_final(server.first("n,,n=,r=" + nonce));
    failure f = failure_of([&] { client->verify("e=" + word + ",x=y"); });
    CHECK(f.code == "TW-AUTH-PASSWORD");
    CHECK(f.kind == (word == "no-resources" ? failure_kind::transient : failure_kind::refused));
    CHECK(std::string(f.what()).find(word) != std::string::npos);
  }
  auto client = begun();
  scram_server server(scram_hash::sha256, "pencil");
  client->client_final(server.first("n,,n=,r=" + nonce));
  failure f = failure_of([&] { client->verify("e=\x1b[31mhello"); });
  CHECK(f.code == "TW-AUTH-PASSWORD");
  CHECK(std::string(f.what()).find("hello") == std::string::npos);
  // In place of the server's first message.
  auto early = begun();
  CHECK(failure_of([&] { early->client_final("e=unknown-user"); }).code == "TW-AUTH-PASSWORD");
}

TEST_CASE("A server that can't sign is an impostor", "[scram]") {
  scram_server server(scram_hash::sha256, "pencil");
  std::string good;
  {
    auto client = begun();
    good = server.final(client->client_final(server.first("n,,n=,r=" + nonce)));
    client->verify(good + ",x=an extension");
    CHECK(client->verified());
  }
  auto signature = decode_base64(good.substr(2)).value();
  std::vector<std::string> bad;
  for (std::size_t i = 0; i < signature.size(); ++i) {
    auto changed = signature;
    changed[i] ^= 0x10;
    bad.push_back("v=" + scram_server::base64(as_text(changed)));
  }
  bad.push_back("v=" + scram_server::base64(as_text(byte_view(signature).first(31))));
  bad.push_back("v=" + scram_server::base64(std::string(as_text(signature)) + '\0'));
  bad.push_back("v=" + scram_server::base64(std::string(20, 'x')));
  for (const std::string& last : bad) {
    CAPTURE(last);
    auto client = begun();
    client->client_final(server.first("n,,n=,r=" + nonce));
    failure f = failure_of([&] { client->verify(last); });
    CHECK(f.code == "TW-AUTH-SERVER-SIGNATURE");
    CHECK(f.kind == failure_kind::refused);
    CHECK(!client->verified());
    // Not even the right one counts after that.
    CHECK(failure_of([&] { client->verify(good); }).code == "TW-AUTH-SCRAM");
    CHECK(!client->verified());
  }
}

TEST_CASE("Messages at the wrong time are refused", "[scram]") {
  scram_client fresh(scram_hash::sha256, "", secret{"x"}, {}, nonce);
  CHECK(failure_of([&] { fresh.client_final("r=client-nonceX,s=QQ==,i=1"); }).code == "TW-AUTH-SCRAM");
  CHECK(failure_of([&] { fresh.client_first(); }).code == "TW-AUTH-SCRAM");
  auto early = begun();
  CHECK(failure_of([&] { early->verify("v=AAAA"); }).code == "TW-AUTH-SCRAM");
  CHECK(!early->verified());
  auto twice = begun();
  twice->client_final("r=client-nonceX,s=QQ==,i=1");
  CHECK(failure_of([&] { twice->client_final("r=client-nonceX,s=QQ==,i=1"); }).code == "TW-AUTH-SCRAM");
}

TEST_CASE("The server's first message is read strictly", "[scram]") {
  using enum decode_errc;
  struct {
    std::string message;
    decode_error error;
  } cases[] = {
      {"", {truncated, 0, "nonce"}},
      {"r", {truncated, 1, "nonce"}},
      {"r=", {bad_value, 2, "nonce"}},
      {"r=x", {truncated, 3, "salt"}},
      {"r=x,", {truncated, 4, "salt"}},
      {"r=x,s", {truncated, 5, "salt"}},
      {"r=x,s=", {bad_value, 6, "salt"}},
      {"r=x,s=,i=1", {bad_value, 6, "salt"}},
      {"r=x,s=QQ==", {truncated, 10, "iteration count"}},
      {"r=x,s=QQ==,i=", {bad_value, 13, "iteration count"}},
      {"r=x,s=QQ==,i=0", {bad_value, 13, "iteration count"}},
      {"r=x,s=QQ==,i=01", {bad_value, 13, "iteration count"}},
      {"r=x,s=QQ==,i=-1", {bad_value, 13, "iteration count"}},
      {"r=x,s=QQ==,i=1 ", {bad_value, 13, "iteration count"}},
      {"r=x,s=QQ==,i=0x10", {bad_value, 13, "iteration count"}},
      {"r=x,s=QQ==,i=10000001", {limit_exceeded, 13, "iteration count"}},
      {"r=x,s=QQ==,i=4294967297", {limit_exceeded, 13, "iteration count"}},
      {"r=x,s=QQ==,i=" + std::string(1000, '9'), {limit_exceeded, 13, "iteration count"}},
      {"s=QQ==,r=x,i=1", {unknown_tag, 0, "nonce"}},
      {"r=x,i=1,s=QQ==", {unknown_tag, 4, "salt"}},
      {"r=x,s=QQ==,x=1,i=1", {unknown_tag, 11, "iteration count"}},
      {"R=x,s=QQ==,i=1", {unknown_tag, 0, "nonce"}},
      {"r:x,s=QQ==,i=1", {unknown_tag, 0, "nonce"}},
      {",r=x,s=QQ==,i=1", {unknown_tag, 0, "nonce"}},
      {"r=x,,s=QQ==,i=1", {unknown_tag, 4, "salt"}},
      {"r=x y,s=QQ==,i=1", {bad_value, 2, "nonce"}},
      {"r=x\x7f,s=QQ==,i=1", {bad_value, 2, "nonce"}},
      {"r=x\u00e9,s=QQ==,i=1", {bad_value, 2, "nonce"}},
      {std::string("r=x\0y,s=QQ==,i=1", 16), {bad_value, 2, "nonce"}},
      {"r=x,s=QQ=,i=1", {bad_value, 6, "salt"}},
      {"r=x,s=Q-==,i=1", {bad_value, 6, "salt"}},
      {"m=x,r=x,s=QQ==,i=1", {bad_state, 0, "mandatory extension"}},
      {"r=x,m=x,s=QQ==,i=1", {bad_state, 4, "mandatory extension"}},
      {"r=x,s=QQ==,i=1,m=x", {bad_state, 15, "mandatory extension"}},
      {"r=x,s=QQ==,i=1,a=b,m=x", {bad_state, 19, "mandatory extension"}},
      {"r=x,s=QQ==,i=1,", {truncated, 15, "extension"}},
      {"r=x,s=QQ==,i=1,a", {truncated, 16, "extension"}},
      {"r=x,s=QQ==,i=1,a=", {bad_value, 15, "extension"}},
      {"r=x,s=QQ==,i=1,1=b", {bad_value, 15, "extension"}},
      {"r=x,s=QQ==,i=1,ab", {bad_value, 15, "extension"}},
      {std::string("r=x,s=QQ==,i=1,a=b\0", 19), {bad_value, 17, "extension"}},
      {std::string("r=x,s=QQ==,i=1\0", 15), {bad_value, 13, "iteration count"}},
      {"r=" + std::string(1025, 'x') + ",s=QQ==,i=1", {limit_exceeded, 2, "nonce"}},
      {"r=x,s=" + std::string(1372, 'A') + ",i=1", {limit_exceeded, 6, "salt"}},
      {"r=x,s=QQ==,i=1,a=" + std::string(16384, 'x'), {limit_exceeded, 0, "message"}},
  };
  for (const auto& each : cases) {
    CAPTURE(each.message.substr(0, 60));
    auto m = decode_scram_server_first(each.message);
    REQUIRE(!m.has_value());
    CAPTURE(to_string(m.error().code), m.error().offset, m.error().field);
    CHECK(m.error() == each.error);
  }
  const std::string long_nonce(1024, 'n'), long_salt(1368, 'A');
  std::string largest = "r=" + long_nonce + ",s=" + long_salt + ",i=10000000,a=b,M=c=d,z= \xff";
  auto m = decode_scram_server_first(largest);
  REQUIRE(m.has_value());
  CHECK(m->nonce == long_nonce);
  CHECK(m->salt == long_salt);
  CHECK(m->iterations == 10'000'000);
}

TEST_CASE("The server's final message is read strictly", "[scram]") {
  using enum decode_errc;
  struct {
    std::string message;
    decode_error error;
  } cases[] = {
      {"", {truncated, 0, "verifier"}},
      {"v", {truncated, 1, "verifier"}},
      {"v=", {bad_value, 2, "verifier"}},
      {"v=QQ=", {bad_value, 2, "verifier"}},
      {"v=====", {bad_value, 2, "verifier"}},
      {"x=QQ==", {unknown_tag, 0, "verifier"}},
      {"V=QQ==", {unknown_tag, 0, "verifier"}},
      {"e", {truncated, 1, "error"}},
      {"e=", {bad_value, 2, "error"}},
      {"e:x", {unknown_tag, 0, "error"}},
      {"m=x", {bad_state, 0, "mandatory extension"}},
      {"v=QQ==,m=x", {bad_state, 7, "mandatory extension"}},
      {"v=QQ==,", {truncated, 7, "extension"}},
      {"v=QQ==,e", {truncated, 8, "extension"}},
      {"v=QQ==" + std::string(17000, 'x'), {limit_exceeded, 0, "message"}},
  };
  for (const auto& each : cases) {
    CAPTURE(each.message.substr(0, 60));
    auto m = decode_scram_server_final(each.message);
    REQUIRE(!m.has_value());
    CAPTURE(to_string(m.error().code), m.error().offset, m.error().field);
    CHECK(m.error() == each.error);
  }
  CHECK(decode_scram_server_final("v=QQ==,x=y")->verifier == "QQ==");
  CHECK(decode_scram_server_final("e=other-error,x=y")->error == "other-error");
}

TEST_CASE("What is wrong with a message of the server is told by field and offset", "[scram]") {
  struct {
    const char* message;
    const char* says;
  } cases[] = {
      {"r=client-nonceX,s=QQ==", "truncated at offset 22, iteration count,"},
      {"r=client-nonceX,s=QQ,i=1", "bad_value at offset 18, salt,"},
      {"r=client-nonceX,s=QR==,i=1", "the salt"},
      {"m=1,r=client-nonceX,s=QQ==,i=1", "mandatory extension"},
      {"r=client-nonce,s=QQ==,i=1", "nonce"},
      {"r=client-noncX,s=QQ==,i=1", "nonce"},
      {"r=other-nonceXYZ,s=QQ==,i=1", "nonce"},
      {"r=client-nonceX,s=QQ==,i=10000001", "more than 10000000 PBKDF2 iterations"},
      {"r=client-nonceX,s=QQ==,i=99999999999999999999", "more than 10000000 PBKDF2 iterations"},
  };
  for (const auto& each : cases) {
    CAPTURE(each.message);
    auto client = begun();
    failure f = failure_of([&] { client->client_final(each.message); });
    CHECK(f.code == "TW-AUTH-SCRAM");
    CHECK(f.kind == failure_kind::refused);
    CHECK(std::string(f.what()).find(each.says) != std::string::npos);
    CHECK(!f.hint.empty());
    CHECK(failure_of([&] { client->verify("v=QQ=="); }).code == "TW-AUTH-SCRAM");
  }
  auto client = begun();
  client->client_final("r=client-nonceX,s=QQ==,i=1");
  failure f = failure_of([&] { client->verify("v=QQ"); });
  CHECK(f.code == "TW-AUTH-SCRAM");
  CHECK(std::string(f.what()).find("bad_value at offset 2, verifier,") != std::string::npos);
}

TEST_CASE("The number of iterations has limits of its own on both sides", "[scram]") {
  scram_options options;
  options.min_iterations = 4;
  options.max_iterations = 8;
  for (int count : {3, 4, 8, 9}) {
    auto client = begun(options);
    std::string message = "r=client-nonceX,s=QQ==,i=" + std::to_string(count);
    if (count >= 4 && count <= 8) {
      CHECK(client->client_final(message).starts_with("c=biws,r=client-nonceX,p="));
      continue;
    }
    failure f = failure_of([&] { client->client_final(message); });
    CHECK(f.code == "TW-AUTH-SCRAM");
    CHECK(std::string(f.what()).find("asks for " + std::to_string(count) + " PBKDF2") != std::string::npos);
  }
}
