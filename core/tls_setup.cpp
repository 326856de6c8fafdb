#include "core/tls_setup.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tidewire {
namespace {

[[noreturn]] void refuse(const char* code, const std::string& text, std::string hint = {}) {
  throw failure{failure_kind::usage, code, text, std::move(hint)};
}

void load_roots(SSL_CTX* context, const tls_options& options) {
  if (options.ca_file.empty() && options.ca_directory.empty())
    refuse("TW-TLS-CA-FILE", "there are no certificates of authorities to check the server's with",
           "name a PEM file (sslrootcert), or install the system's ca-certificates");
  const auto& file = options.ca_file;
  if (!file.empty() && SSL_CTX_load_verify_file(context, file.c_str()) != 1)
    refuse("TW-TLS-CA-FILE",
           "could not load the authorities' certificates from " + file + ": " + openssl_reasons(),
           "it must be a readable PEM file with at least one certificate");
  const auto& folder = options.ca_directory;
  if (!folder.empty() && SSL_CTX_load_verify_dir(context, folder.c_str()) != 1)
    refuse("TW-TLS-CA-FILE", "could not use the certificate folder " + folder + ": " + openssl_reasons());
}

void load_revocations(SSL_CTX* context, const tls_options& options) {
  if (options.crl_file.empty() && options.crl_directory.empty()) return;
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  const auto& file = options.crl_file;
  if (!file.empty()) {
    X509_LOOKUP* lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());
    if (!lookup || X509_load_crl_file(lookup, file.c_str(), X509_FILETYPE_PEM) <= 0)
      refuse("TW-TLS-CRL-FILE", "could not load the revocation list " + file + ": " + openssl_reasons(),
             "it must be a readable PEM file (sslcrl)");
  }
  const auto& folder = options.crl_directory;
  if (!folder.empty() && X509_STORE_load_path(store, folder.c_str()) != 1)
    refuse("TW-TLS-CRL-FILE", "could not use the revocation folder " + folder + ": " + openssl_reasons());
  X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
}

/// As libpq: nobody but the owner may read it; a key of root's may be readable by a group.
void check_key_file(const std::string& path) {
  struct stat found{};
  if (::stat(path.c_str(), &found) != 0)
    refuse("TW-TLS-KEY-FILE", "could not find the private key " + path + ": " + error_text(errno));
  if (!S_ISREG(found.st_mode))
    refuse("TW-TLS-KEY-FILE", "the private key " + path + " is not a regular file");
  mode_t forbidden = found.st_uid == 0 ? S_IWGRP | S_IXGRP | S_IRWXO : S_IRWXG | S_IRWXO;
  if (found.st_mode & forbidden)
    refuse("TW-TLS-KEY-FILE", "the private key " + path + " can be read by others",
           "chmod 600 it (640 is enough if root owns it)");
}

/// OpenSSL would ask on the terminal if there were no callback.
int give_password(char* into, int size, int, void* options) {
  std::string_view password = static_cast<const tls_options*>(options)->key_password.reveal();
  if (password.empty() || password.size() > static_cast<std::size_t>(size)) return -1;
  std::memcpy(into, password.data(), password.size());
  return static_cast<int>(password.size());
}

void load_client_certificate(SSL_CTX* context, const tls_options& options) {
  const std::string& certificate = options.certificate_file;
  const std::string& key = options.key_file;
  if (certificate.empty() && key.empty()) return;
  if (certificate.empty() || key.empty())
    refuse("TW-TLS-OPTIONS", "a client certificate needs its private key, and the other way round",
           "give both sslcert and sslkey");
  if (SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1)
    refuse("TW-TLS-CLIENT-CERTIFICATE",
           "could not load the client certificate " + certificate + ": " + openssl_reasons());
  check_key_file(key);
  SSL_CTX_set_default_passwd_cb(context, give_password);
  SSL_CTX_set_default_passwd_cb_userdata(context, const_cast<tls_options*>(&options));
  int loaded = SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM);
  SSL_CTX_set_default_passwd_cb_userdata(context, nullptr);
  SSL_CTX_set_default_passwd_cb(context, nullptr);
  if (loaded != 1)
    refuse("TW-TLS-KEY-FILE", "could not load the private key " + key + ": " + openssl_reasons(),
           options.key_password.empty() ? "if it is encrypted, give its password (sslpassword)"
                                        : "the password may be wrong");
  if (SSL_CTX_check_private_key(context) != 1)
    refuse("TW-TLS-CLIENT-CERTIFICATE",
           "the private key " + key + " does not belong to " + certificate + ": " + openssl_reasons());
}

void offer_alpn(SSL_CTX* context, const tls_options& options) {
  std::vector<unsigned char> list;
  for (const std::string& name : options.alpn) {
    if (name.empty() || name.size() > 255) refuse("TW-TLS-OPTIONS", "an ALPN name has 1 to 255 bytes");
    list.push_back(static_cast<unsigned char>(name.size()));
    list.insert(list.end(), name.begin(), name.end());
  }
  // Unlike all its neighbours this one returns 0 for success.
  if (!list.empty() && SSL_CTX_set_alpn_protos(context, list.data(), static_cast<unsigned>(list.size())) != 0)
    throw std::bad_alloc{};
}

bool is_address(const std::string& host) {
  unsigned char address[16];
  return ::inet_pton(AF_INET, host.c_str(), address) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), address) == 1;
}

int bio_read(BIO* bio, char* into, int size) {
  BIO_clear_retry_flags(bio);
  ssize_t count = ::recv(static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio))), into,
                         static_cast<std::size_t>(size), 0);
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) BIO_set_retry_read(bio);
  if (count == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  return static_cast<int>(count);
}

int bio_write(BIO* bio, const char* data, int size) {
  BIO_clear_retry_flags(bio);
  ssize_t count = ::send(static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio))), data,
                         static_cast<std::size_t>(size), MSG_NOSIGNAL);
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) BIO_set_retry_write(bio);
  return static_cast<int>(count);
}

long bio_control(BIO* bio, int what, long, void*) {
  if (what == BIO_CTRL_FLUSH) return 1;
  if (what == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
  return 0;
}

const BIO_METHOD* socket_bio_method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket without SIGPIPE");
    if (!made) return made;
    BIO_meth_set_read(made, bio_read);
    BIO_meth_set_write(made, bio_write);
    BIO_meth_set_ctrl(made, bio_control);
    return made;
  }();
  return method;
}

}  // namespace

BIO* new_socket_bio(int fd) {
  const BIO_METHOD* method = socket_bio_method();
  BIO* bio = method ? BIO_new(method) : nullptr;
  if (!bio) return nullptr;
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(fd)));
  BIO_set_init(bio, 1);
  return bio;
}

void configure_tls(SSL_CTX* context, const tls_options& options) {
  if (options.min_version > options.max_version)
    refuse("TW-TLS-OPTIONS", "the lowest TLS version allowed is above the highest",
           "see ssl_min_protocol_version and ssl_max_protocol_version");
  SSL_CTX_set_min_proto_version(context, static_cast<int>(options.min_version));
  SSL_CTX_set_max_proto_version(context, static_cast<int>(options.max_version));
  // The protocols above frame their messages themselves, so a missing close_notify hides nothing.
  SSL_CTX_set_options(context,
                      SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  // One recv for several records instead of two for each.
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_default_read_buffer_len(context, 128 * 1024);
  if (options.verify != tls_verify::none) {
    load_roots(context, options);
    load_revocations(context, options);
  }
  load_client_certificate(context, options);
  offer_alpn(context, options);
}

void configure_peer(SSL* ssl, const tls_options& options) {
  std::string host = options.host;
  if (host.size() > 1 && host.back() == '.') host.pop_back();  // the root of the DNS is in no certificate
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  host = host.substr(0, host.find('%'));  // nor is a scope
  bool address = is_address(host);
  if (options.sni && !host.empty() && !address && SSL_set_tlsext_host_name(ssl, host.c_str()) != 1)
    refuse("TW-TLS-OPTIONS", "the host name is too long for TLS");
  if (options.verify != tls_verify::full) return;
  if (host.empty())
    refuse("TW-TLS-OPTIONS", "a host name is needed to check the server's certificate against",
           "give host besides hostaddr, or use verify-ca");
  X509_VERIFY_PARAM* check = SSL_get0_param(ssl);
  X509_VERIFY_PARAM_set_hostflags(check, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  int set = address ? X509_VERIFY_PARAM_set1_ip_asc(check, host.c_str())
                    : X509_VERIFY_PARAM_set1_host(check, host.c_str(), host.size());
  if (set != 1) refuse("TW-TLS-OPTIONS", "this host name cannot be checked against a certificate");
}

}  // namespace tidewire
