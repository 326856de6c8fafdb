#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <future>

#include "tests/core/drive_fixture.hpp"
#include "tests/core/temporary_folder.hpp"
#include "tests/core/test_name_server.hpp"

using namespace tidewire::testing;
using tidewire::byte_view;
using tidewire::connection;
using tidewire::conversation;
using tidewire::endpoint;
using tidewire::failure;
using tidewire::socket_options;
using tidewire::unique_fd;

namespace {

conversation<std::size_t> receive_size(tidewire::link& from) {
  byte_view next = co_await from.receive();
  co_return body(next).size();
}

conversation<int> wait_for_wakes(tidewire::link& to, int count) {
  for (int i = 0; i < count; ++i) co_await to.wait_wake();
  co_return count;
}

conversation<std::string> last_words(tidewire::link& to) {
  std::string heard;
  try {
    for (int i = 0; i < 3; ++i) {
      to.out = frame("are you there");
      co_await to.send();
    }
    for (;;) {
      byte_view next = co_await to.receive();
      heard += body(next);
    }
  } catch (const failure& end) {
    heard += " " + end.code;
  }
  co_return heard;
}

}  // namespace

TEST_CASE("Conversations run over TCP, one after the other", "[drive]") {
  test_peer peer{echo};
  run_io([&]() -> asio::awaitable<void> {
    connection db = co_await join(loopback(peer));
    CHECK(db.address() == "127.0.0.1");
    std::string first = co_await db.run(ask(db.link(), "hello"));
    CHECK(first == "hello");
    std::string second = co_await db.run(ask(db.link(), std::string(300'000, 'x')));
    CHECK(second.size() == 300'000);
    CHECK(db.stats().bytes_out == 9 + 300'004);
    CHECK(db.stats().bytes_in == db.stats().bytes_out);
    CHECK(db.stats().last_byte_at > std::chrono::steady_clock::time_point{});
    CHECK(db.stats().pauses == 0);
    CHECK(!db.peer_user_id());
  });
}

TEST_CASE("Conversations run over Unix sockets", "[drive]") {
  temporary_folder folder;
  std::string path = folder / "socket";
  test_peer peer{echo, listen_unix(path)};
  run_io([&]() -> asio::awaitable<void> {
    endpoint to;
    to.unix_path = path;
    connection db = co_await join(to);
    std::string reply = co_await db.run(ask(db.link(), "hello"));
    CHECK(reply == "hello");
    CHECK(db.address() == path);
    CHECK(db.peer_user_id() == ::getuid());
  });
}

TEST_CASE("An exception leaves through run", "[drive]") {
  test_peer peer{[](int) {}};
  failure found = failure_of([&]() -> asio::awaitable<void> {
    connection db = co_await join(loopback(peer));
    std::string reply = co_await db.run(ask(db.link(), "hello"));
  });
  CHECK(found.code == "TW-NET-CLOSED");
}

TEST_CASE("Nobody listens", "[drive]") {
  endpoint to;
  to.host = "127.0.0.1";
  unique_fd unused = bound_to_loopback(SOCK_STREAM);
  to.port = port_of(unused.get());
  failure refused = failure_of([&]() -> asio::awaitable<void> { connection db = co_await join(to); });
  CHECK(refused.code == "TW-NET-CONNECT");
  CHECK(refused.kind == tidewire::failure_kind::transient);
  CHECK(std::string(refused.what()) ==
        "could not connect to 127.0.0.1:" + std::to_string(to.port) + " (127.0.0.1: Connection refused)");
  temporary_folder folder;
  to.unix_path = folder / "none";
  failure missing = failure_of([&]() -> asio::awaitable<void> { connection db = co_await join(to); });
  CHECK(missing.code == "TW-NET-CONNECT");
  CHECK(missing.hint.find("path") != std::string::npos);
  to.unix_path = std::string(200, 'p');
  failure longer = failure_of([&]() -> asio::awaitable<void> { connection db = co_await join(to); });
  CHECK(longer.code == "TW-USAGE-SOCKET-PATH");
  to.unix_path = "";
  to.hostaddr = "localhost";
  failure name = failure_of([&]() -> asio::awaitable<void> { connection db = co_await join(to); });
  CHECK(name.code == "TW-USAGE-HOSTADDR");
}

TEST_CASE("A server that does not accept", "[drive]") {
  socket_options options;
  options.connect_timeout = 200ms;
  endpoint to;
  std::vector<unique_fd> waiting;
  temporary_folder folder;
  unique_fd listener;
  SECTION("over TCP") {
    listener = listen_tcp(0);
    to.host = "127.0.0.1";
    to.port = port_of(listener.get());
  }
  SECTION("over a Unix socket") {
    to.unix_path = folder / "socket";
    listener = listen_unix(to.unix_path, 0);
  }
  tidewire::socket_address name = to.unix_path.empty() ? *tidewire::literal_address(to.host, to.port)
                                                       : *tidewire::unix_address(to.unix_path);
  // Until the queue of the listener is full.
  for (int i = 0; i < 10; ++i) {
    unique_fd fd = tidewire::open_socket(name, {});
    if (tidewire::start_connect(fd.get(), name) == EAGAIN) break;
    waiting.push_back(std::move(fd));
  }
  auto before = std::chrono::steady_clock::now();
  failure found = failure_of([&]() -> asio::awaitable<void> { connection db = co_await join(to, options); });
  CHECK(found.code == "TW-NET-TIMEOUT");
  CHECK(std::chrono::steady_clock::now() - before >= 200ms);
}

TEST_CASE("The next address is tried", "[drive]") {
  test_peer peer{echo};
  test_name_server names{{{"db.test", {{"127.0.0.2", "127.0.0.1"}, {}, 0, false}}}};
  run_io([&]() -> asio::awaitable<void> {
    endpoint to = loopback(peer);
    to.host = "db.test";
    tidewire::dns_options dns;
    dns.servers = names.text();
    socket_options options;
    connection db = co_await connection::connect(to, options, test_framer, tidewire::link_limits(), dns);
    CHECK(db.address() == "127.0.0.1");
    std::string reply = co_await db.run(ask(db.link(), "hello"));
    CHECK(reply == "hello");
  });
}

TEST_CASE("A name that is not known, and one that nobody answers for", "[drive]") {
  test_name_server names{{{"silent.test", {{}, {}, 0, true}}}};
  tidewire::dns_options dns;
  dns.servers = names.text();
  socket_options options;
  options.connect_timeout = 300ms;
  for (const char* name : {"nothing.test", "silent.test"}) {
    endpoint to;
    to.host = name;
    to.port = 1;
    failure found = failure_of([&]() -> asio::awaitable<void> {
      connection db = co_await connection::connect(to, options, test_framer, tidewire::link_limits(), dns);
    });
    CHECK(found.code == "TW-NET-DNS");
  }
}

TEST_CASE("A silent server", "[drive]") {
  test_peer peer{read_to_end};
  failure found = failure_of([&]() -> asio::awaitable<void> {
    socket_options options;
    options.read_deadline = 100ms;
    connection db = co_await join(loopback(peer), options);
    db.set_tick(10ms);
    counts seen = co_await db.run(stream(db.link()));
    CHECK(seen.frames == 0);
  });
  CHECK(found.code == "TW-NET-TIMEOUT");
  CHECK(std::string(found.what()) == "nothing came from the server for 100 ms");
}

TEST_CASE("A phase with a deadline", "[drive]") {
  test_peer peer{[](int fd) {
    read_exactly(fd, 5);
    // Always something, never a whole frame.
    write_all(fd, std::vector<std::uint8_t>{0, 0, 1, 0});
    std::uint8_t byte = 'x';
    while (::send(fd, &byte, 1, MSG_NOSIGNAL) == 1) {
      pollfd at{fd, POLLIN, 0};
      if (::poll(&at, 1, 5) != 0) return;
    }
  }};
  failure found = failure_of([&]() -> asio::awaitable<void> {
    connection db = co_await join(loopback(peer));
    db.link().silence_limit = 10s;
    db.link().deadline = std::chrono::steady_clock::now() + 100ms;
    std::string reply = co_await db.run(ask(db.link(), "?"));
  });
  CHECK(found.code == "TW-NET-TIMEOUT");
}

TEST_CASE("A server that takes nothing", "[drive]") {
  std::promise<void> over;
  test_peer peer{[&](int) { over.get_future().wait(); }};
  failure found = failure_of([&]() -> asio::awaitable<void> {
    connection db = co_await join(loopback(peer));
    db.link().silence_limit = 100ms;
    std::string reply = co_await db.run(ask(db.link(), std::string(50'000'000, 's')));
  });
  over.set_value();
  CHECK(found.code == "TW-NET-TIMEOUT");
}

TEST_CASE("A server that closes inside a frame", "[drive]") {
  test_peer peer{[](int fd) { write_all(fd, std::vector<std::uint8_t>{0, 0, 0, 100, 'x'}); }};
  failure found = failure_of([&]() -> asio::awaitable<void> {
    connection db = co_await join(loopback(peer));
    std::size_t size = co_await db.run(receive_size(db.link()));
    CHECK(size == 0);
  });
  CHECK(found.code == "TW-NET-CLOSED");
  CHECK(std::string(found.what()).find("middle of a message") != std::string::npos);
}

TEST_CASE("A server's last words are heard although it is gone", "[drive]") {
  std::promise<void> gone;
  // The end of the thread's function closes the socket.
  auto peer = std::make_unique<test_peer>([&](int fd) {
    write_all(fd, frame("too many connections"));
    ::shutdown(fd, SHUT_RDWR);
    gone.set_value();
  });
  run_io([&]() -> asio::awaitable<void> {
    connection db = co_await join(loopback(*peer));
    gone.get_future().wait();
    peer.reset();
    std::string heard = co_await db.run(last_words(db.link()));
    CHECK(heard == "too many connections TW-NET-CLOSED");
  });
}

TEST_CASE("A huge frame", "[drive]") {
  constexpr std::size_t size = 100'000'000;
  test_peer peer{[](int fd) { write_all(fd, frame(std::string(size, 'h'))); }};
  run_io([&]() -> asio::awaitable<void> {
    connection db = co_await join(loopback(peer));
    std::size_t got = co_await db.run(receive_size(db.link()));
    CHECK(got == size);
  });
}

TEST_CASE("Ticks and wakes", "[drive]") {
  test_peer peer{read_to_end};
  run_io([&]() -> asio::awaitable<void> {
    connection db = co_await join(loopback(peer));
    db.set_tick(2ms);
    counts ticked = co_await db.run(stream(db.link(), 5));
    CHECK(ticked.wakes == 5);
    int waited = co_await db.run(wait_for_wakes(db.link(), 3));
    CHECK(waited == 3);
    db.set_tick(0ms);
    db.wake();  // before anybody waits
    counts woken = co_await db.run(stream(db.link(), 1));
    CHECK(woken.wakes == 1);
    auto wake = db.waker();
    std::jthread other([wake] { wake(); });
    counts from_thread = co_await db.run(stream(db.link(), 1));
    CHECK(from_thread.wakes == 1);
  });
}

TEST_CASE("Long work without waits lets others have their turn", "[drive]") {
  test_peer peer(read_to_end);
  bool stop = false;
  auto work = [](tidewire::link& to, const bool& until) -> conversation<int> {
    int turns = 0;
    for (; !until && turns < 1000; ++turns) co_await to.turn();
    co_return turns;
  };
  run_io([&]() -> asio::awaitable<void> {
    connection to = co_await join(loopback(peer));
    auto executor = co_await asio::this_coro::executor;
    asio::post(executor, [&] { stop = true; });
    int turns = co_await to.run(work(to.link(), stop));
    CHECK(turns == 1);
  });
}

TEST_CASE("A waker outlives its connection", "[drive]") {
  test_peer peer{read_to_end};
  asio::io_context io;
  std::function<void()> wake;
  asio::co_spawn(
      io,
      [&]() -> asio::awaitable<void> {
        connection db = co_await join(loopback(peer));
        wake = db.waker();
      },
      [](std::exception_ptr) {});
  io.run();
  wake();
  io.restart();
  io.run();
}

TEST_CASE("Everything goes when the I/O context goes", "[drive]") {
  test_peer peer{read_to_end};
  test_name_server names{{{"silent.test", {{}, {}, 0, true}}}};
  asio::io_context io;
  tidewire::dns_options dns;
  dns.servers = names.text();
  auto waits = [&]() -> asio::awaitable<void> {
    connection db = co_await join(loopback(peer));
    counts seen = co_await db.run(stream(db.link()));
    CHECK(seen.frames == 0);
  };
  auto looks_up = [&]() -> asio::awaitable<void> {
    endpoint to;
    to.host = "silent.test";
    socket_options options;
    connection db = co_await connection::connect(to, options, test_framer, tidewire::link_limits(), dns);
  };
  asio::co_spawn(io, waits, [](std::exception_ptr) {});
  asio::co_spawn(io, looks_up, [](std::exception_ptr) {});
  io.run_for(50ms);
}
