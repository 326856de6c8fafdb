// Captures of real connections: every message decodes, and encodes to the same bytes.
#include <set>

#include "tests/paths.hpp"
#include "tests/wire/encode_again.hpp"
#include "tests/wire/frame_case.hpp"
#include "tests/wire/pcap.hpp"
#include "wire/trace.hpp"

using namespace tidewire;
using namespace tidewire::wire;
using namespace tidewire::wire::testing;

namespace {

/// What was found in a capture's connections, one line each.
using findings = std::vector<std::string>;

std::string to_text(const decode_error& error) {
  return std::string(to_string(error.code)) + " at " + std::to_string(error.offset) + " " + error.field;
}

bool called_malformed(const std::string& line) {
  return line.find("\t malformed: ") != line.npos;
}

/// Reads both sides of a connection. Each problem is noted, and ends the reading of its side.
class connection_check {
 public:
  explicit connection_check(const tcp_connection& of)
      : client_(of.from_client.bytes()),
        server_(of.from_server.bytes()),
        gapless_(of.from_client.gapless() && of.from_server.gapless()) {}

  std::string run() {
    bool plain = start();
    if (plain) {
      server_side();
      client_side();
    }
    std::string told = std::to_string(client_messages_) + " from the client";
    if (!client_problem_.empty()) told += " (" + client_problem_ + ")";
    told += ", " + std::to_string(server_messages_) + " from the server";
    if (!server_problem_.empty()) told += " (" + server_problem_ + ")";
    if (!plain) told += ", then TLS";
    if (!gapless_) told += ", with a gap";
    return told;
  }

 private:
  /// The packets without a tag. False if what follows is encrypted.
  bool start() {
    while (client_at_ < client_.size()) {
      byte_view left = byte_view(client_).subspan(client_at_);
      auto size = startup_size(left, 1u << 20);
      if (!size || *size == 0 || *size > left.size()) {
        client_problem_ = size ? "cut" : to_text(size.error());
        return true;
      }
      bytes packet = copy_of(left.first(*size)), again;
      encoder out(again);
      if (decode_error error = encode_startup_again(out, packet); error.code != decode_errc::none) {
        client_problem_ = to_text(error);
        return true;
      }
      CHECK(again == packet);
      CHECK(!called_malformed(trace_line(false, packet, true)));
      client_at_ += *size;
      ++client_messages_;
      startup_packet m = *decode_startup_packet(packet);
      if (m.kind == startup_kind::startup || m.kind == startup_kind::cancel_request) return true;
      if (server_at_ == server_.size()) return true;
      std::uint8_t answer = server_[server_at_++];
      if (answer != 'N') return false;
    }
    return true;
  }

  void server_side() {
    for (byte_view frame; next(server_, server_at_, frame, server_problem_);) {
      bytes message = copy_of(frame), again;
      encoder out(again);
      auto split = split_backend(message);
      decode_error error = split ? encode_again(out, *split) : split.error();
      if (error.code != decode_errc::none) return void(server_problem_ = to_text(error));
      CHECK(again == message);
      CHECK(!called_malformed(trace_line(true, message)));
      ++server_messages_;
      if (split->tag == backend_tag::authentication) {
        auth_request request = decode_authentication(split->body)->request;
        if (request == auth_request::sasl)
          answers_.push_back(password_kind::sasl_initial_response);
        else if (request == auth_request::sasl_continue)
          answers_.push_back(password_kind::sasl_response);
        else if (request != auth_request::ok && request != auth_request::sasl_final)
          answers_.push_back(password_kind::password);
      }
    }
  }

  void client_side() {
    std::size_t passwords = 0;
    for (byte_view frame; client_problem_.empty() && next(client_, client_at_, frame, client_problem_);) {
      bytes message = copy_of(frame), again;
      encoder out(again);
      auto split = split_frontend(message);
      password_kind kind = passwords < answers_.size() ? answers_[passwords] : password_kind::sasl_response;
      if (split && split->tag == frontend_tag::password) ++passwords;
      decode_error error = split ? encode_again(out, *split, kind) : split.error();
      if (error.code != decode_errc::none) return void(client_problem_ = to_text(error));
      CHECK(again == message);
      CHECK(!called_malformed(trace_line(false, message)));
      ++client_messages_;
    }
  }

  /// False, perhaps with a problem, if there is no whole frame.
  static bool next(const bytes& stream, std::size_t& at, byte_view& frame, std::string& problem) {
    byte_view left = byte_view(stream).subspan(at);
    if (left.empty()) return false;
    auto size = frame_size(left, 1u << 30);
    if (!size) return problem = to_text(size.error()), false;
    if (*size == 0 || *size > left.size()) {
      // A letter that is no tag is a better reason than the nonsense that then passes for a length.
      bool known = name_of(static_cast<backend_tag>(left[0])) || name_of(static_cast<frontend_tag>(left[0]));
      return problem = known ? "cut" : "unknown_tag", false;
    }
    frame = left.first(*size);
    at += *size;
    return true;
  }

  bytes client_, server_;
  bool gapless_;
  std::size_t client_at_ = 0, server_at_ = 0;
  std::size_t client_messages_ = 0, server_messages_ = 0;
  std::string client_problem_, server_problem_;
  std::vector<password_kind> answers_;  // what the client's 'p' messages are
};

struct capture {
  const char* name;
  bool whole;  // does not end in the middle of a packet
  std::size_t packets;
  findings connections;
};

}  // namespace

TEST_CASE("captures of connections decode, and encode to the same bytes") {
  std::filesystem::path folder = tidewire::testing::vectors_folder() / "postgres" / "suricata";
  if (!std::filesystem::exists(folder)) SKIP("no captures in " << folder);
  const capture captures[] = {
      // Not Postgres: an IRC server's banner on this port.
      {"pgsql-bug-6080-probe-test-01__input.pcap",
       true,
       12,
       {"0 from the client, 0 from the server (unknown_tag), with a gap"}},
      {"pgsql__pgsql-5000-query-results__input.pcap",
       false,
       785,
       {"2 from the client, 1 from the server", "5 from the client, 5018 from the server"}},
      {"pgsql__pgsql-5524__input.pcap", true, 27, {"22 from the client, 28 from the server"}},
      {"pgsql__pgsql-bug-5579__input.pcap", true, 14, {"2 from the client, 23 from the server"}},
      {"pgsql__pgsql-cancel-request__input.pcap",
       true,
       29,
       {"5 from the client, 18 from the server", "1 from the client, 0 from the server"}},
      {"pgsql__pgsql-copy-data-in__TLPW-Jason-copyfrom-small.pcap",
       true,
       26,
       {"7 from the client, 18 from the server"}},
      {"pgsql__pgsql-copy-data-out__input.pcap", true, 24, {"5 from the client, 24 from the server"}},
      // A start-up packet of version 255.255, to which the answer is a lone byte.
      {"pgsql__pgsql-events__UnknownMessage.pcap",
       true,
       12,
       {"0 from the client (bad_value at 4 protocol version), 0 from the server (cut)"}},
      {"pgsql__pgsql-pwd-output-disabled__input.pcap", true, 16, {"4 from the client, 15 from the server"}},
      {"pgsql__pgsql-query-keyword-01__input.pcap", true, 30, {"6 from the client, 22 from the server"}},
      {"pgsql__pgsql-simple-query-rollback__input.pcap",
       true,
       88,
       {"27 from the client, 70 from the server"}},
      {"pgsql__pgsql-ssl-rejected-md5-auth-simple-query__input.pcap",
       true,
       41,
       {"2 from the client, 1 from the server", "5 from the client, 21 from the server"}},
      {"pgsql__pgsql-upgrade-tls__input.pcap",
       true,
       22,
       {"1 from the client, 0 from the server, then TLS", "1 from the client, 1 from the server"}},
  };
  std::set<std::string> tested;
  for (const capture& each : captures) {
    CAPTURE(each.name);
    tested.insert(each.name);
    pcap_file file(folder / each.name, 5432);
    CHECK(file.whole() == each.whole);
    CHECK(file.packets() == each.packets);
    findings found;
    for (const tcp_connection& connection : file.connections())
      found.push_back(connection_check(connection).run());
    CHECK(found == each.connections);
  }
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    CAPTURE(entry.path());
    CHECK(tested.contains(entry.path().filename()));
  }
}
