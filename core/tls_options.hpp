// What a conversation asks of TLS and what it learns from it. Plain data: no OpenSSL here.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/secret.hpp"

namespace tidewire {

enum class tls_verify : std::uint8_t {
  none,  // encrypt only; anybody may be at the other end
  ca,    // the certificate comes from a known authority
  full,  // and it was made out for the host name
};

/// The numbers are the protocol's own. Older versions are never spoken.
enum class tls_version : std::uint16_t { tls_1_2 = 0x0303, tls_1_3 = 0x0304 };

struct tls_options {
  tls_verify verify = tls_verify::full;
  /// The name (or address) that the user gave: the certificate is checked against it, and a name (not an
  /// address) is sent as SNI.
  std::string host;
  bool sni = true;
  /// PEM bundle and folder of hashed certificates, for example from system_ca_file(); the folder may be
  /// empty. Needed unless `verify` is none.
  std::string ca_file;
  std::string ca_directory;
  std::string crl_file;
  std::string crl_directory;
  /// Client certificate (PEM, with its chain) and its key; both or neither.
  std::string certificate_file;
  std::string key_file;
  secret key_password;
  /// A server that does not ask for the certificate is refused.
  bool certificate_must_be_asked = false;
  tls_version min_version = tls_version::tls_1_2;
  tls_version max_version = tls_version::tls_1_3;
  /// Protocol names to offer, for example "postgresql"; none: no ALPN.
  std::vector<std::string> alpn;
};

struct tls_info {
  std::string version;  // "TLSv1.3"
  std::string cipher;
  std::string alpn;  // empty: the server chose none
  /// Hash of the server's certificate for the channel binding tls-server-end-point (RFC 5929). Empty where
  /// the certificate's signature has no hash of its own (Ed25519): then there is no such binding.
  std::vector<std::uint8_t> server_end_point;
  std::string peer_names;  // subject and alternative names, for messages
};

}  // namespace tidewire
