// SCRAM (RFC 5802, RFC 7677): proves that we know a password without sending it, and makes the server prove
// that it knows it too. Used by Postgres and MongoDB.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/saslprep.hpp"
#include "core/scram_message.hpp"
#include "core/secret.hpp"

namespace tidewire {

enum class scram_hash : std::uint8_t { sha1, sha256 };

/// How the exchange is tied to the TLS connection that it runs through.
struct scram_binding {
  enum kind : std::uint8_t {
    none,                  // we can't: no TLS, or it is turned off
    supported_not_used,    // we could, but the server doesn't offer it (it notices if that is not true)
    tls_server_end_point,  // to the server's certificate: the -PLUS mechanisms
  };
  kind what = none;
  std::vector<std::uint8_t> certificate_hash{};  // tls_info::server_end_point
};

constexpr std::string_view scram_mechanism(scram_hash hash, bool plus) {
  if (hash == scram_hash::sha1) return plus ? "SCRAM-SHA-1-PLUS" : "SCRAM-SHA-1";
  return plus ? "SCRAM-SHA-256-PLUS" : "SCRAM-SHA-256";
}

struct scram_options {
  /// By the rules of Postgres a password that can't be prepared is used as it is; by the RFC's it is refused.
  saslprep_rules password = saslprep_rules::postgres;
  /// A server that asks for more could keep us busy as long as it likes.
  std::uint32_t max_iterations = max_scram_iterations;
  /// One that asks for less may want to find out the password.
  std::uint32_t min_iterations = 1;
};

/// 24 printable characters, of 144 random bits.
std::string scram_nonce();

/// One exchange, without I/O: client_first, client_final, verify, in this order and once each. Throws failure
/// (refused): TW-AUTH-SCRAM for a message that is malformed or not acceptable, TW-AUTH-PASSWORD when the
/// server refuses, TW-AUTH-SERVER-SIGNATURE when it can't prove that it knows the password. After a failure
/// the exchange is over.
class scram_client {
 public:
  /// `user` is sent as it is (escaped); Postgres wants it empty. `nonce`: printable, without comma; for
  /// tests.
  scram_client(scram_hash hash, std::string_view user, secret password, scram_binding binding,
               std::string nonce = scram_nonce(), scram_options options = {});
  ~scram_client();
  scram_client(const scram_client&) = delete;
  scram_client& operator=(const scram_client&) = delete;

  /// The mechanism to name to the server.
  std::string_view mechanism() const;

  std::string client_first();
  /// Takes as long as the server's number of iterations wants: about a second for 2 million.
  std::string client_final(std::string_view server_first);
  void verify(std::string_view server_final);

  /// A server that says "welcome" before this is true has not shown who it is.
  bool verified() const { return state_ == state::verified; }

 private:
  enum class state : std::uint8_t { fresh, first_sent, final_sent, verified, failed };

  void enter(state from);
  void check_iterations(std::uint64_t count) const;
  std::string gs2_header() const;
  std::string channel_binding() const;

  scram_hash hash_;
  state state_ = state::fresh;
  secret password_;
  scram_binding binding_;
  scram_options options_;
  std::string nonce_;
  std::string first_bare_;
  std::vector<std::uint8_t> server_signature_;
};

}  // namespace tidewire
