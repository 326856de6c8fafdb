#include "core/tls.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <fcntl.h>
#include <fstream>
#include <poll.h>
#include <sys/socket.h>
#include <thread>

#include "core/byte_stream.hpp"
#include "core/failure.hpp"
#include "tests/core/test_certificates.hpp"

using namespace tidewire::testing;
using tidewire::byte_stream;
using tidewire::failure;
using tidewire::failure_kind;
using tidewire::io;
using tidewire::io_result;
using tidewire::tls_options;
using tidewire::tls_verify;
using tidewire::unique_fd;

namespace {

void await_socket(int fd, io what) {
  pollfd at{fd, static_cast<short>(what == io::want_read ? POLLIN : POLLOUT), 0};
  if (::poll(&at, 1, 10'000) != 1) throw std::runtime_error("no answer");
}

/// A client against a server thread that echoes until the client goes.
class session {
 public:
  session(const tls_server_wish& wish, const tls_options& options) : stream_(unique_fd{}) {
    int fds[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) != 0)
      throw std::runtime_error("socketpair");
    unique_fd server{fds[1]};
    stream_ = byte_stream{unique_fd{fds[0]}};
    stream_.start_tls(options);
    ::fcntl(server.get(), F_SETFL, 0);
    server_ = std::jthread([wish, server = std::move(server)] { serve_tls(server.get(), wish, echo); });
  }
  ~session() { stream_ = byte_stream{unique_fd{}}; }

  io_result handshake() {
    for (;;) {
      io_result result = stream_.try_handshake();
      if (result.what != io::want_read && result.what != io::want_write) return result;
      await_socket(stream_.fd(), result.what);
    }
  }
  /// Writes all and reads as much again.
  io_result echo_of(const std::vector<std::uint8_t>& data, std::vector<std::uint8_t>& back) {
    std::size_t sent = 0;
    std::vector<std::uint8_t> part(1 << 20);
    while (back.size() < data.size()) {
      bool moved = false;
      if (sent < data.size()) {
        io_result written = stream_.try_write(tidewire::byte_view{data}.subspan(sent));
        // The server has gone; what it said before comes with the reads.
        if (written.what == io::error) sent = data.size();
        if (written.what == io::done) sent += written.count, moved = true;
      }
      io_result got = stream_.try_read(part);
      if (got.what == io::eof || got.what == io::error) return got;
      if (got.what == io::done)
        back.insert(back.end(), part.begin(), part.begin() + static_cast<long>(got.count));
      if (got.what != io::done && !moved) await_socket(stream_.fd(), io::want_read);
    }
    return {io::done};
  }
  tidewire::tls_info info() const { return stream_.tls()->info(); }

 private:
  static void echo(SSL* ssl) {
    std::vector<char> buffer(1 << 16);
    for (;;) {
      int count = SSL_read(ssl, buffer.data(), static_cast<int>(buffer.size()));
      if (count <= 0 || SSL_write(ssl, buffer.data(), count) <= 0) return;
    }
  }

  byte_stream stream_;
  std::jthread server_;
};

failure failure_of(const std::exception_ptr& error) {
  try {
    if (error) std::rethrow_exception(error);
  } catch (const failure& found) {
    return found;
  }
  return {failure_kind::usage, "none", "no failure"};
}

failure handshake_failure(const tls_server_wish& wish, const tls_options& options) {
  session talk{wish, options};
  return failure_of(talk.handshake().error);
}

failure options_failure(const tls_options& options) {
  try {
    tidewire::tls_session session{-1, options};
  } catch (const failure& found) {
    return found;
  }
  return {failure_kind::usage, "none", "no failure"};
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != text.npos;
}

struct world {
  temporary_folder folder;
  identity authority = make_identity(authority_wish("Test authority"));
  identity server = make_identity({.serial = 2}, &authority);
  std::string authority_file = write_certificate(authority, folder / "ca.pem");
  tls_options options() const {
    tls_options made;
    made.host = "db.test";
    made.ca_file = authority_file;
    return made;
  }
  tls_server_wish wish() const {
    tls_server_wish made;
    made.self = server;
    return made;
  }
};

}  // namespace

TEST_CASE("TLS carries bytes both ways", "[tls]") {
  world w;
  for (int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    tls_server_wish wish = w.wish();
    wish.max_version = version;
    session talk{wish, w.options()};
    REQUIRE(talk.handshake().what == io::done);
    std::vector<std::uint8_t> data(700'000), back;
    for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::uint8_t>(i * 7 + i / 251);
    REQUIRE(talk.echo_of(data, back).what == io::done);
    CHECK(back == data);
    tidewire::tls_info info = talk.info();
    CHECK(info.version == (version == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3"));
    CHECK(!info.cipher.empty());
    CHECK(info.alpn.empty());
    CHECK(info.server_end_point.size() == 32);
    CHECK(info.peer_names == "CN=db.test, db.test");
  }
}

TEST_CASE("Versions below 1.2 are never spoken", "[tls]") {
  world w;
  tls_server_wish old = w.wish();
  old.max_version = TLS1_1_VERSION;
  failure found = handshake_failure(old, w.options());
  CHECK(found.code == "TW-TLS-HANDSHAKE");
  CHECK(found.kind == failure_kind::refused);
  CHECK(has(found.hint, "TLS 1.2 is the lowest"));

  tls_options options = w.options();
  options.min_version = tidewire::tls_version::tls_1_3;
  tls_server_wish middle = w.wish();
  middle.max_version = TLS1_2_VERSION;
  CHECK(handshake_failure(middle, options).code == "TW-TLS-HANDSHAKE");
  options.max_version = tidewire::tls_version::tls_1_2;
  CHECK(options_failure(options).code == "TW-TLS-OPTIONS");
}

TEST_CASE("A server that is not trusted", "[tls]") {
  world w;
  tls_server_wish wish = w.wish();
  SECTION("is self-signed") {
    wish.self = make_identity({});
    failure found = handshake_failure(wish, w.options());
    CHECK(found.code == "TW-TLS-UNTRUSTED");
    CHECK(has(found.what(), "self-signed certificate (it is for CN=db.test, db.test)"));
    CHECK(has(found.hint, "name it with sslrootcert"));
  }
  SECTION("is self-signed, but named as its own authority") {
    wish.self = make_identity({});
    tls_options options = w.options();
    options.ca_file = write_certificate(wish.self, w.folder / "self.pem");
    CHECK(handshake_failure(wish, options).code == "none");
  }
  SECTION("has an unknown authority") {
    identity other = make_identity(authority_wish("Other authority"));
    wish.self = make_identity({}, &other);
    failure found = handshake_failure(wish, w.options());
    CHECK(found.code == "TW-TLS-UNTRUSTED");
    CHECK(has(found.what(), "unable to get local issuer certificate"));
  }
  SECTION("has expired") {
    certificate_wish late;
    late.valid_from_s = -7200;
    late.valid_to_s = -3600;
    wish.self = make_identity(late, &w.authority);
    failure found = handshake_failure(wish, w.options());
    CHECK(found.code == "TW-TLS-EXPIRED");
    CHECK(has(found.what(), "certificate has expired"));
  }
  SECTION("is not valid yet") {
    certificate_wish early;
    early.valid_from_s = 1800;
    wish.self = make_identity(early, &w.authority);
    CHECK(handshake_failure(wish, w.options()).code == "TW-TLS-EXPIRED");
  }
  SECTION("none of this matters when nothing is to be verified") {
    wish.self = make_identity({});
    tls_options options = w.options();
    options.verify = tls_verify::none;
    options.ca_file = "";
    CHECK(handshake_failure(wish, options).code == "none");
  }
}

TEST_CASE("The host name is checked", "[tls]") {
  world w;
  struct {
    const char* names;
    const char* host;
    bool good;
  } cases[] = {
      {"DNS:db.test", "db.test", true},
      {"DNS:db.test", "DB.Test.", true},
      {"DNS:db.test", "other.test", false},
      {"DNS:*.db.test", "one.db.test", true},
      {"DNS:*.db.test", "db.test", false},
      {"DNS:*.db.test", "a.one.db.test", false},
      {"DNS:o*.db.test", "one.db.test", false},
      {"DNS:other.test", "db.test", false},  // the subject does not count beside alternative names
      {"", "db.test", true},
      {"IP:127.0.0.1", "127.0.0.1", true},
      {"IP:127.0.0.1", "127.0.0.2", false},
      {"IP:::1", "::1", true},
      {"IP:::1", "[::1]", true},
      {"DNS:127.0.0.1", "127.0.0.1", false},
  };
  for (const auto& each : cases) {
    CAPTURE(each.names, each.host);
    certificate_wish names;
    names.alternative_names = each.names;
    tls_server_wish wish = w.wish();
    wish.self = make_identity(names, &w.authority);
    tls_options options = w.options();
    options.host = each.host;
    CHECK(handshake_failure(wish, options).code == (each.good ? "none" : "TW-TLS-HOST-NAME"));
    options.verify = tls_verify::ca;
    CHECK(handshake_failure(wish, options).code == "none");
  }
  tls_options nameless = w.options();
  nameless.host = "";
  CHECK(options_failure(nameless).code == "TW-TLS-OPTIONS");
}

TEST_CASE("A host name's failure names both sides", "[tls]") {
  world w;
  certificate_wish names;
  names.alternative_names = "DNS:one.test,DNS:two.test,IP:10.0.0.1";
  tls_server_wish wish = w.wish();
  wish.self = make_identity(names, &w.authority);
  failure found = handshake_failure(wish, w.options());
  CHECK(has(found.what(), "one.test, two.test, 10.0.0.1"));
  CHECK(has(found.hint, "db.test"));
}

TEST_CASE("What a certificate says cannot steer a terminal", "[tls]") {
  certificate_wish evil;
  evil.name = "a\x1b[31mb\n";
  evil.alternative_names = "";
  world w;
  tls_server_wish wish = w.wish();
  wish.self = make_identity(evil, &w.authority);
  std::string text = handshake_failure(wish, w.options()).what();
  CHECK(std::ranges::none_of(text, [](char c) { return c < 0x20; }));
}

TEST_CASE("Client certificates", "[tls]") {
  world w;
  identity clients = make_identity(authority_wish("Client authority"));
  certificate_wish who;
  who.name = "replicator";
  identity client = make_identity(who, &clients);
  tls_server_wish wish = w.wish();
  wish.client_authority = &clients;
  tls_options options = w.options();
  options.certificate_file = write_certificate(client, w.folder / "client.pem");
  options.key_file = write_key(client, w.folder / "client.key");
  auto exchange = [&](int version) {
    wish.max_version = version;
    session talk{wish, options};
    io_result result = talk.handshake();
    std::vector<std::uint8_t> back;
    if (result.what == io::done) result = talk.echo_of({1, 2, 3}, back);
    return failure_of(result.error);
  };
  SECTION("good") {
    CHECK(exchange(TLS1_2_VERSION).code == "none");
    CHECK(exchange(TLS1_3_VERSION).code == "none");
  }
  SECTION("that the server must ask for") {
    for (int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
      options.certificate_must_be_asked = true;
      wish.client_authority = &clients;
      CHECK(exchange(version).code == "none");
      wish.client_authority = nullptr;
      failure found = exchange(version);
      CHECK(found.code == "TW-TLS-CERTIFICATE-NOT-ASKED");
      CHECK(found.kind == failure_kind::refused);
      CHECK(has(found.hint, "sslcertmode"));
      options.certificate_must_be_asked = false;
      CHECK(exchange(version).code == "none");
    }
  }
  SECTION("missing") {
    options.certificate_file = options.key_file = "";
    failure found = exchange(TLS1_3_VERSION);
    CHECK(found.code == "TW-TLS-CLIENT-CERTIFICATE");
    CHECK(has(found.hint, "give sslcert and sslkey"));
    CHECK(has(exchange(TLS1_2_VERSION).hint, "sslcert and sslkey"));
  }
  SECTION("of an authority that the server does not know") {
    identity stranger = make_identity(who);
    options.certificate_file = write_certificate(stranger, w.folder / "stranger.pem");
    options.key_file = write_key(stranger, w.folder / "stranger.key");
    CHECK(exchange(TLS1_3_VERSION).code == "TW-TLS-CLIENT-CERTIFICATE");
  }
  SECTION("with an encrypted key") {
    options.key_file = write_key(client, w.folder / "secret.key", "pass");
    failure locked = options_failure(options);
    CHECK(locked.code == "TW-TLS-KEY-FILE");
    CHECK(has(locked.hint, "sslpassword"));
    options.key_password = tidewire::secret{"wrong"};
    CHECK(options_failure(options).code == "TW-TLS-KEY-FILE");
    CHECK(!has(options_failure(options).what(), "wrong"));
    options.key_password = tidewire::secret{"pass"};
    CHECK(exchange(TLS1_3_VERSION).code == "none");
  }
  SECTION("with a key that others can read") {
    ::chmod(options.key_file.c_str(), 0644);
    failure found = options_failure(options);
    CHECK(found.code == "TW-TLS-KEY-FILE");
    CHECK(has(found.hint, "chmod 600"));
    ::chmod(options.key_file.c_str(), 0640);
    CHECK(options_failure(options).code == (::geteuid() == 0 ? "none" : "TW-TLS-KEY-FILE"));
  }
  SECTION("with files that are not there or do not fit") {
    tls_options wrong = options;
    wrong.key_file = w.folder / "none.key";
    CHECK(options_failure(wrong).code == "TW-TLS-KEY-FILE");
    wrong = options;
    wrong.certificate_file = w.folder / "none.pem";
    CHECK(options_failure(wrong).code == "TW-TLS-CLIENT-CERTIFICATE");
    wrong = options;
    wrong.key_file = write_key(clients, w.folder / "other.key");
    CHECK(!options_failure(wrong).code.starts_with("none"));
    wrong = options;
    wrong.key_file = "";
    CHECK(options_failure(wrong).code == "TW-TLS-OPTIONS");
  }
}

TEST_CASE("Revocation lists", "[tls]") {
  world w;
  tls_options options = w.options();
  identity fine = make_identity({.serial = 7}, &w.authority);
  options.crl_file = write_revocations(w.authority, {&w.server}, w.folder / "list.crl");
  tls_server_wish wish = w.wish();
  failure found = handshake_failure(wish, options);
  CHECK(found.code == "TW-TLS-REVOKED");
  CHECK(has(found.what(), "certificate revoked"));
  wish.self = fine;
  CHECK(handshake_failure(wish, options).code == "none");
  options.crl_file = w.folder / "none.crl";
  CHECK(options_failure(options).code == "TW-TLS-CRL-FILE");
  identity other = make_identity(authority_wish("Other authority"));
  options.crl_file = write_revocations(other, {}, w.folder / "other.crl");
  CHECK(handshake_failure(wish, options).code == "TW-TLS-REVOKED");
}

TEST_CASE("Files of authorities", "[tls]") {
  world w;
  tls_options options = w.options();
  options.ca_file = w.folder / "none.pem";
  failure found = options_failure(options);
  CHECK(found.code == "TW-TLS-CA-FILE");
  CHECK(found.kind == failure_kind::usage);
  CHECK(has(found.what(), "none.pem"));
  std::ofstream(w.folder / "empty.pem") << "no certificate\n";
  options.ca_file = w.folder / "empty.pem";
  CHECK(options_failure(options).code == "TW-TLS-CA-FILE");
  options.ca_file = "";
  CHECK(options_failure(options).code == "TW-TLS-CA-FILE");
}

TEST_CASE("ALPN and SNI", "[tls]") {
  world w;
  tls_server_wish wish = w.wish();
  wish.alpn = "postgresql";
  tls_options options = w.options();
  options.alpn = {"other", "postgresql"};
  {
    session talk{wish, options};
    REQUIRE(talk.handshake().what == io::done);
    CHECK(talk.info().alpn == "postgresql");
  }
  options.alpn = {"other"};
  CHECK(handshake_failure(wish, options).code == "TW-TLS-HANDSHAKE");
  options.alpn = {""};
  CHECK(options_failure(options).code == "TW-TLS-OPTIONS");
}

TEST_CASE("The server's end point is hashed as its signature is", "[tls]") {
  struct {
    certificate_wish wish;
    key_pointer key;
    std::size_t size;
    const EVP_MD* digest;
  } cases[] = {
      {{.digest = EVP_sha1()}, rsa_key(), 32, EVP_sha256()},
      {{.digest = EVP_md5()}, rsa_key(), 32, EVP_sha256()},
      {{.digest = EVP_sha256()}, ec_key(), 32, EVP_sha256()},
      {{.digest = EVP_sha384()}, ec_key(), 48, EVP_sha384()},
      {{.digest = EVP_sha512(), .pss = true}, rsa_key(), 64, EVP_sha512()},
      {{.digest = EVP_sha256(), .pss = true}, rsa_key(), 32, EVP_sha256()},
      {{.digest = nullptr}, ed25519_key(), 0, nullptr},
  };
  for (auto& each : cases) {
    identity made = make_identity(each.wish, nullptr, each.key);
    std::vector<std::uint8_t> hash = tidewire::server_end_point_hash(made.certificate.get());
    CHECK(hash.size() == each.size);
    if (!each.digest) continue;
    std::vector<std::uint8_t> expected(each.size);
    X509_digest(made.certificate.get(), each.digest, expected.data(), nullptr);
    CHECK(hash == expected);
  }
}

TEST_CASE("A peer that does not speak TLS, or goes", "[tls]") {
  world w;
  for (std::string_view answer : {"HTTP/1.1 400 Bad Request\r\n\r\n", ""}) {
    int fds[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
    byte_stream stream{unique_fd{fds[0]}};
    stream.start_tls(w.options());
    {
      unique_fd server{fds[1]};
      if (!answer.empty()) REQUIRE(::send(fds[1], answer.data(), answer.size(), 0) > 0);
    }
    io_result result = stream.try_handshake();
    // A peer that has closed may show at the write or at the read.
    CHECK(result.what == io::error);
    std::string code = failure_of(result.error).code;
    CHECK((code == "TW-TLS-HANDSHAKE" || code == "TW-NET-CLOSED"));
  }
}
