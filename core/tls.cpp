#include "core/tls.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "core/tls_setup.hpp"

namespace tidewire {
namespace {

int clamp_to_int(std::size_t size) {
  return static_cast<int>(std::min<std::size_t>(size, INT_MAX));
}

/// Takes notes for certificate_failure; the verdict stays OpenSSL's.
int note_verification(int ok, X509_STORE_CTX* store) {
  if (ok) return ok;
  auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* report = static_cast<tls_session::verify_report*>(SSL_get_app_data(ssl));
  if (report->error != X509_V_OK) return ok;
  report->error = X509_STORE_CTX_get_error(store);
  report->depth = X509_STORE_CTX_get_error_depth(store);
  if (X509* at = X509_STORE_CTX_get_current_cert(store)) report->subject = certificate_subject(at);
  if (X509* leaf = X509_STORE_CTX_get0_cert(store)) report->peer_names = certificate_names(leaf);
  return ok;
}

/// OpenSSL calls this when the server asks for a certificate; that of the context then goes out.
int note_asked(SSL*, void* was_asked) {
  *static_cast<bool*>(was_asked) = true;
  return 1;
}

}  // namespace

void init_openssl() {
  OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
  OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
}

void tls_session::free_ctx::operator()(SSL_CTX* ctx) const {
  SSL_CTX_free(ctx);
}
void tls_session::free_ssl::operator()(SSL* ssl) const {
  SSL_free(ssl);
}

tls_session::tls_session(int fd, const tls_options& options)
    : host_(options.host), must_be_asked_(options.certificate_must_be_asked) {
  init_openssl();
  ERR_clear_error();
  context_.reset(SSL_CTX_new(TLS_client_method()));
  if (!context_) throw std::bad_alloc{};
  configure_tls(context_.get(), options);
  SSL_CTX_set_verify(context_.get(), options.verify == tls_verify::none ? SSL_VERIFY_NONE : SSL_VERIFY_PEER,
                     options.verify == tls_verify::none ? nullptr : note_verification);
  ssl_.reset(SSL_new(context_.get()));
  BIO* bio = ssl_ ? new_socket_bio(fd) : nullptr;
  if (!bio) throw std::bad_alloc{};
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_app_data(ssl_.get(), &report_);
  SSL_set_cert_cb(ssl_.get(), note_asked, &was_asked_);
  configure_peer(ssl_.get(), options);
  SSL_set_connect_state(ssl_.get());
}

tls_session::~tls_session() {
  // One attempt at close_notify; we don't wait for the peer's.
  if (established_ && !ended_) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
  }
  ERR_clear_error();
}

io_result tls_session::handshake() {
  ERR_clear_error();
  errno = 0;
  int returned = SSL_do_handshake(ssl_.get());
  if (returned == 1) {
    established_ = true;
    if (must_be_asked_ && !was_asked_)
      return {io::error, 0, false, std::make_exception_ptr(certificate_not_asked())};
    return {io::done};
  }
  return result_of(returned, "the TLS handshake");
}

io_result tls_session::read(std::span<std::uint8_t> into) {
  // SSL_read gives one record of at most 16 KiB at a time.
  std::size_t total = 0;
  while (total < into.size()) {
    ERR_clear_error();
    errno = 0;
    int returned = SSL_read(ssl_.get(), into.data() + total, clamp_to_int(into.size() - total));
    if (returned > 0) {
      total += static_cast<std::size_t>(returned);
      continue;
    }
    if (total == 0) return result_of(returned, "reading through TLS");
    // What ended the loop comes again at the next call; only "nothing more" may be told now.
    bool drained = SSL_get_error(ssl_.get(), returned) == SSL_ERROR_WANT_READ;
    return {io::done, total, drained};
  }
  return {io::done, total, false};
}

io_result tls_session::write(byte_view data) {
  ERR_clear_error();
  errno = 0;
  int returned = SSL_write(ssl_.get(), data.data(), clamp_to_int(data.size()));
  if (returned > 0) return {io::done, static_cast<std::size_t>(returned)};
  return result_of(returned, "writing through TLS");
}

io_result tls_session::result_of(int returned, const char* doing) {
  int system_error = errno;
  switch (SSL_get_error(ssl_.get(), returned)) {
    case SSL_ERROR_WANT_READ: return {io::want_read, 0, true};
    case SSL_ERROR_WANT_WRITE: return {io::want_write};
    case SSL_ERROR_ZERO_RETURN: ended_ = !established_; break;
    case SSL_ERROR_SYSCALL:
      ended_ = true;
      if (system_error != 0 && ERR_peek_error() == 0)
        return {io::error, 0, false, broken_connection(system_error)};
      break;
    default:
      ended_ = true;
      if (!established_ && report_.error != X509_V_OK) {
        ERR_clear_error();
        return {io::error, 0, false, std::make_exception_ptr(certificate_failure(report_, host_))};
      }
      return {io::error, 0, false, std::make_exception_ptr(tls_failure(doing, established_))};
  }
  if (established_) return {io::eof};
  return {io::error, 0, false,
          std::make_exception_ptr(failure{failure_kind::transient, "TW-NET-CLOSED",
                                          "the server closed the connection during the TLS handshake",
                                          "its log says why; it may not offer TLS at this port"})};
}

tls_info tls_session::info() const {
  tls_info info;
  info.version = SSL_get_version(ssl_.get());
  info.cipher = SSL_get_cipher_name(ssl_.get());
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  if (name) info.alpn.assign(reinterpret_cast<const char*>(name), size);
  if (X509* certificate = SSL_get0_peer_certificate(ssl_.get())) {
    info.server_end_point = server_end_point_hash(certificate);
    info.peer_names = certificate_names(certificate);
  }
  return info;
}

std::vector<std::uint8_t> server_end_point_hash(const X509* certificate) {
  // Unlike the signature's OID this also knows the hash in the parameters of an RSA-PSS signature.
  int hash = NID_undef;
  auto* plain = const_cast<X509*>(certificate);
  if (X509_get_signature_info(plain, &hash, nullptr, nullptr, nullptr) != 1) return {};
  if (hash == NID_md5 || hash == NID_sha1) hash = NID_sha256;
  const EVP_MD* digest = EVP_get_digestbynid(hash);
  if (!digest) return {};
  std::vector<std::uint8_t> result(EVP_MAX_MD_SIZE);
  unsigned size = 0;
  if (X509_digest(certificate, digest, result.data(), &size) != 1) return {};
  result.resize(size);
  return result;
}

}  // namespace tidewire
