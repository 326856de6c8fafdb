// TLS as a client, over a non-blocking socket.
#pragma once

#include <memory>
#include <openssl/types.h>
#include <string>
#include <vector>

#include "core/socket.hpp"
#include "core/tls_options.hpp"

namespace tidewire {

/// Starts OpenSSL without its configuration file, which a static program could not follow (it may ask for
/// modules). The first use of TLS does it too; a program that uses OpenSSL before that calls this first.
void init_openssl();

/// One TLS connection. `fd` stays the caller's and must live longer. Nothing is remembered between sessions.
class tls_session {
 public:
  /// Throws failure: TW-TLS-OPTIONS, TW-TLS-CA-FILE, TW-TLS-CRL-FILE, TW-TLS-CLIENT-CERTIFICATE or
  /// TW-TLS-KEY-FILE (all usage).
  tls_session(int fd, const tls_options& options);
  ~tls_session();
  tls_session(const tls_session&) = delete;
  tls_session& operator=(const tls_session&) = delete;

  /// Until done. Its errors are TW-TLS-UNTRUSTED, -EXPIRED, -HOST-NAME, -REVOKED, -CERTIFICATE,
  /// -CLIENT-CERTIFICATE, -CERTIFICATE-NOT-ASKED, -HANDSHAKE (all refused), or those of a broken connection.
  io_result handshake();
  io_result read(std::span<std::uint8_t> into);
  io_result write(byte_view data);

  /// After the handshake.
  tls_info info() const;

  /// What the verification of the server's certificate met first.
  struct verify_report {
    int error = 0;  // X509_V_OK
    int depth = 0;
    std::string subject;     // of the certificate at that depth
    std::string peer_names;  // of the server's own
  };

 private:
  struct free_ctx {
    void operator()(SSL_CTX* ctx) const;
  };
  struct free_ssl {
    void operator()(SSL* ssl) const;
  };

  io_result result_of(int returned, const char* doing);

  verify_report report_;
  std::string host_;
  bool must_be_asked_;
  bool was_asked_ = false;  // for the client's certificate
  bool ended_ = false;      // after an error OpenSSL must not be asked to say goodbye
  bool established_ = false;
  std::unique_ptr<SSL_CTX, free_ctx> context_;
  std::unique_ptr<SSL, free_ssl> ssl_;
};

/// The hash for tls-server-end-point of a certificate (RFC 5929 §4.1): that of its signature, SHA-256 instead
/// of MD5 and SHA-1; empty if its signature has none.
std::vector<std::uint8_t> server_end_point_hash(const X509* certificate);

}  // namespace tidewire
