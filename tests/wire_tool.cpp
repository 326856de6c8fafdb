// The conversations of wire/ with a real server, for tests/servers/test_conversations.py.
//
//   wire_tool session URL            answers the lines of standard input, all on one connection
//   wire_tool cancel URL PID =KEY    asks the server to cancel what that session does
//
// A field is "=" and bytes in hex, or "-" for none (NULL). First comes `session PID =KEY PROTOCOL TLS`. Then,
// of
//
//   query =SQL                  simple query
//   execute =SQL FIELD…         extended query with these parameters
//   copy-out =SQL
//   copy-in =SQL FIELD…         the pieces of the data; "-": whoever gives them fails there
//
// each answers `columns FIELD…`, `row FIELD…` and `data FIELD` as they are, and ends with `ok =TAG =STATUS`
// or `error CODE SQLSTATE =TEXT`.
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <charconv>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "wire/connect.hpp"
#include "wire/query.hpp"
#include "wire/startup.hpp"

using namespace tidewire;

namespace {

using field = std::optional<std::string>;

class unreadable : public std::runtime_error {
 public:
  explicit unreadable(const std::string& what) : std::runtime_error("cannot read " + what.substr(0, 200)) {}
};

class gives_up : public std::runtime_error {
 public:
  gives_up() : std::runtime_error("there is no more") {}
};

field read_field(std::string_view text) {
  if (text == "-") return std::nullopt;
  if (!text.starts_with('=') || text.size() % 2 == 0) throw unreadable(std::string(text));
  std::string bytes;
  for (text.remove_prefix(1); !text.empty(); text.remove_prefix(2)) {
    std::uint8_t byte = 0;
    auto [end, wrong] = std::from_chars(text.data(), text.data() + 2, byte, 16);
    if (wrong != std::errc{} || end != text.data() + 2) throw unreadable(std::string(text));
    bytes.push_back(static_cast<char>(byte));
  }
  return bytes;
}

std::string hex(std::string_view text) {
  constexpr char digits[] = "0123456789abcdef";
  std::string out = "=";
  for (char c : text) {
    out.push_back(digits[static_cast<unsigned char>(c) >> 4]);
    out.push_back(digits[static_cast<unsigned char>(c) & 15]);
  }
  return out;
}

void print_result(const wire::result_set& result) {
  std::cout << "columns";
  for (const std::string& each : result.columns) std::cout << ' ' << hex(each);
  std::cout << '\n';
  for (const auto& row : result.rows) {
    std::cout << "row";
    for (const field& each : row) std::cout << ' ' << (each ? hex(*each) : "-");
    std::cout << '\n';
  }
}

/// What one line asks for. Gives the command's tag.
asio::awaitable<std::string> answer(wire::client& with, const std::string& line) {
  std::istringstream words(line);
  std::string command, word;
  words >> command >> word;
  std::string sql = read_field(word).value_or("");
  std::vector<field> fields;
  while (words >> word) fields.push_back(read_field(word));
  if (command == "query") {
    wire::result_set result = co_await with.run(wire::query(with.talk, sql));
    print_result(result);
    co_return result.tag;
  }
  if (command == "execute") {
    wire::result_set result = co_await with.run(wire::execute(with.talk, sql, fields));
    print_result(result);
    co_return result.tag;
  }
  if (command == "copy-out") {
    auto take = [](byte_view data) { std::cout << "data " << hex(as_text(data)) << '\n'; };
    std::string tag = co_await with.run(wire::copy_out(with.talk, sql, take));
    co_return tag;
  }
  if (command != "copy-in") throw unreadable(line);
  std::size_t next = 0;
  auto fill = [&](std::vector<std::uint8_t>& piece) {
    if (next == fields.size()) return;
    if (!fields[next]) throw gives_up{};
    byte_view data = as_bytes(*fields[next++]);
    piece.assign(data.begin(), data.end());
  };
  std::string tag = co_await with.run(wire::copy_in(with.talk, sql, fill));
  co_return tag;
}

asio::awaitable<void> talk(const wire::connection_options& options) {
  wire::connect_settings settings;
  std::unique_ptr<wire::client> with = co_await wire::connect(options, settings);
  const tls_info* tls = with->socket.link().tls();
  std::cout << "session " << with->talk.process_id << ' ' << hex(with->talk.cancel_key) << ' '
            << (with->talk.protocol >> 16) << '.' << (with->talk.protocol & 0xffff) << ' '
            << (tls ? tls->version : "none") << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    std::string end;
    try {
      std::string tag = co_await answer(*with, line);
      end = "ok " + hex(tag) + " " + hex({&with->talk.transaction_status, 1});
    } catch (const wire::server_failure& why) {
      end = "error " + why.code + " " + std::string(why.sqlstate()) + " " + hex(why.what());
    } catch (const failure& why) {
      end = "error " + why.code + " - " + hex(why.what());
    } catch (const gives_up& why) {
      end = "error gives-up - " + hex(why.what());
    }
    std::cout << end << std::endl;
  }
  co_await with->run(wire::terminate(with->talk));
}

asio::awaitable<void> cancel(const wire::connection_options& options, std::int32_t process_id,
                             std::string key) {
  endpoint to;
  to.host = options.hosts.at(0).host;
  to.port = options.hosts.at(0).port;
  socket_options socket;
  connection over = co_await connection::connect(to, socket, wire::frame_size);
  over.link().deadline = link::clock::now() + std::chrono::seconds{10};
  tls_options tls;
  tls.verify = tls_verify::none;
  tls.alpn = {"postgresql"};
  wire::encryption how = options.sslmode == wire::sslmode::disable ? wire::encryption::none
                         : options.sslnegotiation == wire::sslnegotiation::direct
                             ? wire::encryption::direct
                             : wire::encryption::negotiated;
  bool encrypted = co_await over.run(wire::start_encryption(over.link(), how, tls));
  co_await over.run(wire::cancel(over.link(), process_id, key));
  std::cout << "asked " << (encrypted ? "over TLS" : "in the clear") << std::endl;
}

}  // namespace

int main(int count, char** words) {
  std::vector<std::string> arguments(words + 1, words + count);
  asio::io_context io;
  int code = 2;
  auto ended = [&](std::exception_ptr error) {
    try {
      if (error) std::rethrow_exception(error);
      code = 0;
    } catch (const failure& why) {
      std::cout << "error " << why.code << " - " << hex(why.what()) << std::endl;
      code = 1;
    } catch (const std::exception& why) {
      std::cerr << why.what() << '\n';
    }
  };
  try {
    wire::connection_options options = wire::parse_connection_string(arguments.at(1));
    if (arguments[0] == "session") {
      asio::co_spawn(io, talk(options), ended);
    } else {
      std::int32_t process_id = std::stoi(arguments.at(2));
      std::string key = read_field(arguments.at(3)).value_or("");
      asio::co_spawn(io, cancel(options, process_id, key), ended);
    }
    io.run();
  } catch (const std::exception& why) {
    std::cerr << why.what() << '\n';
  }
  return code;
}
