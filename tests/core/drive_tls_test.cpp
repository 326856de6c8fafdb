#include "tests/core/drive_fixture.hpp"
#include "tests/core/test_certificates.hpp"

using namespace tidewire::testing;
using tidewire::byte_view;
using tidewire::connection;
using tidewire::conversation;
using tidewire::failure;

namespace {

conversation<std::string> ask_through_tls(tidewire::link& to, const tidewire::tls_options& options,
                                          std::string text) {
  to.out = {'T', 'L', 'S', '?'};
  co_await to.send();
  byte_view reply = co_await to.receive_bytes(1);
  std::string answer(tidewire::as_text(reply));
  co_await to.start_tls(options);
  std::string echoed = co_await ask(to, text);
  co_return answer + echoed;
}

void offer_tls(int fd, const tls_server_wish& wish, const std::function<void(SSL*)>& then) {
  read_exactly(fd, 4);
  write_all(fd, tidewire::as_bytes("S"));
  serve_tls(fd, wish, then);
}

void echo_tls(SSL* ssl) {
  std::vector<char> buffer(1 << 16);
  for (;;) {
    int count = SSL_read(ssl, buffer.data(), static_cast<int>(buffer.size()));
    if (count <= 0 || SSL_write(ssl, buffer.data(), count) <= 0) return;
  }
}

}  // namespace

TEST_CASE("TLS is started in the middle of a conversation", "[drive]") {
  temporary_folder folder;
  identity authority = make_identity(authority_wish("Test authority"));
  tls_server_wish wish;
  wish.self = make_identity({}, &authority);
  tidewire::tls_options options;
  options.host = "db.test";
  options.ca_file = write_certificate(authority, folder / "ca.pem");
  SECTION("and carries what follows") {
    test_peer peer{[&](int fd) { offer_tls(fd, wish, echo_tls); }};
    run_io([&]() -> asio::awaitable<void> {
      connection db = co_await join(loopback(peer));
      std::string text(3'000'000, 't');
      std::string reply = co_await db.run(ask_through_tls(db.link(), options, text));
      CHECK(reply == "S" + text);
      REQUIRE(db.link().tls());
      CHECK(db.link().tls()->version == "TLSv1.3");
      CHECK(db.link().tls()->server_end_point.size() == 32);
    });
  }
  SECTION("and fails for a server that is not who it should be") {
    options.host = "other.test";
    test_peer peer{[&](int fd) { offer_tls(fd, wish, echo_tls); }};
    failure found = failure_of([&]() -> asio::awaitable<void> {
      connection db = co_await join(loopback(peer));
      std::string reply = co_await db.run(ask_through_tls(db.link(), options, "secret"));
    });
    CHECK(found.code == "TW-TLS-HOST-NAME");
  }
  SECTION("and fails for options that are wrong") {
    options.ca_file = folder / "none.pem";
    test_peer peer{[&](int fd) { offer_tls(fd, wish, echo_tls); }};
    failure found = failure_of([&]() -> asio::awaitable<void> {
      connection db = co_await join(loopback(peer));
      std::string reply = co_await db.run(ask_through_tls(db.link(), options, "secret"));
    });
    CHECK(found.code == "TW-TLS-CA-FILE");
  }
  SECTION("and a missing client certificate is told, even if it shows only later") {
    identity clients = make_identity(authority_wish("Client authority"));
    wish.client_authority = &clients;
    test_peer peer{[&](int fd) { offer_tls(fd, wish, echo_tls); }};
    failure found = failure_of([&]() -> asio::awaitable<void> {
      connection db = co_await join(loopback(peer));
      std::string reply = co_await db.run(ask_through_tls(db.link(), options, "secret"));
    });
    CHECK(found.code == "TW-TLS-CLIENT-CERTIFICATE");
  }
  SECTION("and bytes in the clear before it are refused") {
    test_peer peer{[&](int fd) {
      read_exactly(fd, 4);
      write_all(fd, tidewire::as_bytes("SE"));
      read_to_end(fd);
    }};
    failure found = failure_of([&]() -> asio::awaitable<void> {
      connection db = co_await join(loopback(peer));
      std::string reply = co_await db.run(ask_through_tls(db.link(), options, "secret"));
    });
    CHECK(found.code == "TW-TLS-EARLY-DATA");
  }
  SECTION("and a server that hangs in the handshake") {
    test_peer peer{[&](int fd) {
      read_exactly(fd, 4);
      write_all(fd, tidewire::as_bytes("S"));
      read_to_end(fd);
    }};
    failure found = failure_of([&]() -> asio::awaitable<void> {
      connection db = co_await join(loopback(peer));
      db.link().silence_limit = 100ms;
      std::string reply = co_await db.run(ask_through_tls(db.link(), options, "secret"));
    });
    CHECK(found.code == "TW-NET-TIMEOUT");
  }
}
