// Certificates made on the spot, and the server's side of TLS, for tests.
#pragma once

#include <cstdlib>
#include <functional>
#include <memory>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <vector>

#include "core/tls_setup.hpp"
#include "tests/core/temporary_folder.hpp"

namespace tidewire::testing {

/// Before anything else here uses OpenSSL, so that a strange OPENSSL_CONF does not reach the tests either.
inline const bool openssl_started = (init_openssl(), true);

using key_pointer = std::shared_ptr<EVP_PKEY>;
using certificate_pointer = std::shared_ptr<X509>;

template <class T>
T* checked(T* made) {
  if (!made) throw std::runtime_error("OpenSSL gave nothing");
  return made;
}

inline key_pointer ec_key() {
  return {checked(EVP_EC_gen("P-256")), EVP_PKEY_free};
}
inline key_pointer rsa_key() {
  return {checked(EVP_RSA_gen(2048)), EVP_PKEY_free};
}
inline key_pointer ed25519_key() {
  return {checked(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")), EVP_PKEY_free};
}

struct identity {
  key_pointer key;
  certificate_pointer certificate;
};

struct certificate_wish {
  std::string name = "db.test";
  std::string alternative_names = "DNS:db.test";  // OpenSSL's syntax; empty: none
  bool authority = false;
  long valid_from_s = -3600;
  long valid_to_s = 3600;
  const EVP_MD* digest = EVP_sha256();  // null for Ed25519
  bool pss = false;
  long serial = 1;
};

inline void add_extension(X509* to, X509* issuer, int nid, const std::string& text) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, to, nullptr, nullptr, 0);
  X509_EXTENSION* extension = checked(X509V3_EXT_conf_nid(nullptr, &context, nid, text.c_str()));
  X509_add_ext(to, extension, -1);
  X509_EXTENSION_free(extension);
}

/// Signed by `issuer`, or by itself.
inline identity make_identity(const certificate_wish& wish, const identity* issuer = nullptr,
                              key_pointer key = ec_key()) {
  certificate_pointer made{checked(X509_new()), X509_free};
  X509* raw = made.get();
  X509_set_version(raw, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(raw), wish.serial);
  X509_gmtime_adj(X509_getm_notBefore(raw), wish.valid_from_s);
  X509_gmtime_adj(X509_getm_notAfter(raw), wish.valid_to_s);
  X509_set_pubkey(raw, key.get());
  X509_NAME* name = X509_get_subject_name(raw);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(wish.name.c_str()), -1, -1, 0);
  X509* issuer_certificate = issuer ? issuer->certificate.get() : raw;
  X509_set_issuer_name(raw, X509_get_subject_name(issuer_certificate));
  if (wish.authority) {
    add_extension(raw, issuer_certificate, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(raw, issuer_certificate, NID_key_usage, "critical,keyCertSign,cRLSign");
  }
  if (!wish.alternative_names.empty())
    add_extension(raw, issuer_certificate, NID_subject_alt_name, wish.alternative_names);
  EVP_MD_CTX* signing = checked(EVP_MD_CTX_new());
  EVP_PKEY_CTX* parameters = nullptr;
  EVP_DigestSignInit(signing, &parameters, wish.digest, nullptr, (issuer ? issuer->key : key).get());
  if (wish.pss) EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING);
  int signature = X509_sign_ctx(raw, signing);
  EVP_MD_CTX_free(signing);
  if (signature <= 0) throw std::runtime_error("X509_sign_ctx");
  return {std::move(key), std::move(made)};
}

inline certificate_wish authority_wish(const std::string& name) {
  certificate_wish wish;
  wish.name = name;
  wish.alternative_names = "";
  wish.authority = true;
  return wish;
}

inline std::string write_certificate(const identity& from, const std::string& path) {
  std::unique_ptr<BIO, decltype(&BIO_free)> out(checked(BIO_new_file(path.c_str(), "w")), BIO_free);
  PEM_write_bio_X509(out.get(), from.certificate.get());
  return path;
}

/// With mode 600; encrypted if there is a password.
inline std::string write_key(const identity& from, const std::string& path,
                             const std::string& password = "") {
  std::unique_ptr<BIO, decltype(&BIO_free)> out(checked(BIO_new_file(path.c_str(), "w")), BIO_free);
  std::string copy = password;
  PEM_write_bio_PrivateKey(out.get(), from.key.get(), password.empty() ? nullptr : EVP_aes_128_cbc(),
                           reinterpret_cast<unsigned char*>(copy.data()), static_cast<int>(copy.size()),
                           nullptr, nullptr);
  ::chmod(path.c_str(), 0600);
  return path;
}

/// The issuer's revocation list, with the given certificates on it.
inline std::string write_revocations(const identity& issuer, const std::vector<const identity*>& revoked,
                                     const std::string& path) {
  std::unique_ptr<X509_CRL, decltype(&X509_CRL_free)> list(checked(X509_CRL_new()), X509_CRL_free);
  X509_CRL_set_version(list.get(), X509_CRL_VERSION_2);
  X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(issuer.certificate.get()));
  std::unique_ptr<ASN1_TIME, decltype(&ASN1_TIME_free)> time(X509_gmtime_adj(nullptr, -60), ASN1_TIME_free);
  X509_CRL_set1_lastUpdate(list.get(), time.get());
  for (const identity* each : revoked) {
    X509_REVOKED* entry = checked(X509_REVOKED_new());
    X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(each->certificate.get()));
    X509_REVOKED_set_revocationDate(entry, time.get());
    X509_CRL_add0_revoked(list.get(), entry);
  }
  X509_gmtime_adj(time.get(), 3600);
  X509_CRL_set1_nextUpdate(list.get(), time.get());
  X509_CRL_sort(list.get());
  X509_CRL_sign(list.get(), issuer.key.get(), EVP_sha256());
  std::unique_ptr<BIO, decltype(&BIO_free)> out(checked(BIO_new_file(path.c_str(), "w")), BIO_free);
  PEM_write_bio_X509_CRL(out.get(), list.get());
  return path;
}

struct tls_server_wish {
  identity self;
  const identity* client_authority = nullptr;  // clients must have a certificate of its
  int max_version = TLS1_3_VERSION;
  int min_version = TLS1_VERSION;
  std::string alpn;  // chosen if offered
};

inline int choose_alpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                       unsigned in_size, void* wish) {
  const std::string& name = static_cast<tls_server_wish*>(wish)->alpn;
  for (unsigned at = 0; at < in_size; at += 1u + in[at]) {
    if (name != std::string(reinterpret_cast<const char*>(in + at + 1), in[at])) continue;
    *out = in + at + 1;
    *out_size = in[at];
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/// Serves TLS on a blocking socket: the handshake, then `then` unless it failed.
inline void serve_tls(int fd, tls_server_wish wish, const std::function<void(SSL*)>& then) {
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(checked(SSL_CTX_new(TLS_server_method())),
                                                            SSL_CTX_free);
  SSL_CTX_set_security_level(context.get(), 0);
  SSL_CTX_set_min_proto_version(context.get(), wish.min_version);
  SSL_CTX_set_max_proto_version(context.get(), wish.max_version);
  SSL_CTX_use_certificate(context.get(), wish.self.certificate.get());
  SSL_CTX_use_PrivateKey(context.get(), wish.self.key.get());
  if (!wish.alpn.empty()) SSL_CTX_set_alpn_select_cb(context.get(), choose_alpn, &wish);
  if (wish.client_authority) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), wish.client_authority->certificate.get());
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl(checked(SSL_new(context.get())), SSL_free);
  BIO* bio = checked(new_socket_bio(fd));  // a client that goes shall not end the test with SIGPIPE
  SSL_set_bio(ssl.get(), bio, bio);
  if (SSL_accept(ssl.get()) == 1) then(ssl.get());
  SSL_shutdown(ssl.get());
}

}  // namespace tidewire::testing
