#include "wire/connect.hpp"

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <catch2/catch_test_macros.hpp>

#include "tests/core/test_peer.hpp"

using namespace tidewire;
using namespace tidewire::testing;
using namespace std::chrono_literals;

namespace {

wire::connection_options to_port(std::uint16_t port, const std::string& more) {
  wire::connection_sources nothing;
  nothing.variable = [](std::string_view) { return std::nullopt; };
  nothing.read_file = [](const std::string&) { return std::nullopt; };
  nothing.file_exists = [](const std::string&) { return false; };
  std::string text = "host=127.0.0.1 user=u dbname=d connect_timeout=2 port=" + std::to_string(port);
  return wire::parse_connection_string(text + " " + more, nothing);
}

wire::connection_options to_peer(const test_peer& peer, const std::string& more) {
  return to_port(peer.port(), more);
}

asio::awaitable<void> join(const wire::connection_options& options) {
  wire::connect_settings settings;
  co_await wire::connect(options, settings);
}

std::string code_of(const wire::connection_options& options) {
  asio::io_context io;
  std::string code = "none";
  asio::co_spawn(io, join(options), [&](std::exception_ptr ended) {
    try {
      if (ended) std::rethrow_exception(ended);
    } catch (const failure& why) {
      code = why.code;
    }
  });
  io.run_for(20s);
  return code;
}

}  // namespace

TEST_CASE("Data injected before the handshake ends it, also where TLS is only preferred", "[connect]") {
  // CVE-2021-23222. Going on in the clear would do the injector's work.
  for (const char* mode : {"sslmode=prefer", "sslmode=require"}) {
    INFO(mode);
    test_peer peer([](int fd) {
      read_exactly(fd, 8);
      write_all(fd, as_bytes("Sinjected"));
      read_exactly(fd, 1);
    });
    CHECK(code_of(to_peer(peer, mode)) == "TW-TLS-EARLY-DATA");
  }
}

TEST_CASE("A server without TLS is refused where TLS is wanted", "[connect]") {
  test_peer peer([](int fd) {
    read_exactly(fd, 8);
    write_all(fd, as_bytes("N"));
    read_exactly(fd, 1);
  });
  CHECK(code_of(to_peer(peer, "sslmode=require")) == "TW-TLS-NOT-OFFERED");
}

TEST_CASE("What is no Postgres is told by its answer", "[connect]") {
  test_peer peer([](int fd) {
    read_exactly(fd, 8);
    write_all(fd, as_bytes("HTTP/1.1 400"));
    read_exactly(fd, 1);
  });
  CHECK(code_of(to_peer(peer, "sslmode=prefer")) == "TW-TLS-REQUEST");
}

TEST_CASE("A client certificate that must be shown is never left out", "[connect]") {
  std::string shown = " sslcertmode=require sslcert=/c sslkey=/k";
  CHECK(code_of(to_port(1, "sslmode=disable" + shown)) == "TW-TLS-OPTIONS");
  CHECK(code_of(to_port(1, "sslmode=require sslcertmode=require")) == "TW-TLS-OPTIONS");
  // Modes that would be content without TLS ask for it first, and go no further without.
  for (const char* mode : {"sslmode=allow", "sslmode=prefer"}) {
    INFO(mode);
    std::vector<std::uint8_t> asked;
    {
      test_peer peer([&](int fd) {
        asked = read_exactly(fd, 8);
        write_all(fd, as_bytes("N"));
        read_exactly(fd, 1);
      });
      CHECK(code_of(to_peer(peer, mode + shown)) == "TW-TLS-NOT-OFFERED");
    }
    CHECK(asked == std::vector<std::uint8_t>{0, 0, 0, 8, 4, 210, 22, 47});
  }
}
