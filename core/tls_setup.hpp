// The parts of TLS that run once per connection: options into an SSL_CTX, errors into words.
#pragma once

#include <openssl/types.h>
#include <string>

#include "core/failure.hpp"
#include "core/tls.hpp"

namespace tidewire {

/// Everything of the options that is not about one host. Throws failure, see tls_session.
void configure_tls(SSL_CTX* context, const tls_options& options);

/// Name check and SNI. Throws failure TW-TLS-OPTIONS.
void configure_peer(SSL* ssl, const tls_options& options);

/// A BIO on a socket whose writes never raise SIGPIPE. Null: out of memory.
BIO* new_socket_bio(int fd);

/// Subject and alternative names, cut to a readable length, with nothing in it that could steer a terminal.
std::string certificate_names(const X509* certificate);
std::string certificate_subject(const X509* certificate);

/// The failure of a server certificate that was not accepted.
failure certificate_failure(const tls_session::verify_report& report, const std::string& host);

/// The failure of a server that did not want to see the client certificate.
failure certificate_not_asked();

/// The failure of a handshake, or of a read or write later on, from OpenSSL's error queue.
failure tls_failure(const char* doing, bool established);

/// The reasons in OpenSSL's error queue, which is empty afterwards.
std::string openssl_reasons();

}  // namespace tidewire
