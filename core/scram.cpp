#include "core/scram.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <utility>

#include "core/base64.hpp"
#include "core/failure.hpp"

namespace tidewire {
namespace {

/// A key or a hash, wiped when it goes.
class digest {
 public:
  explicit digest(std::size_t size) : size_(size) { assert(size <= bytes_.size()); }
  digest(const digest&) = delete;
  digest& operator=(const digest&) = delete;
  ~digest() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

  std::uint8_t* data() { return bytes_.data(); }
  byte_view view() const { return {bytes_.data(), size_}; }

  void operator^=(const digest& other) {
    for (std::size_t i = 0; i < size_; ++i) bytes_[i] ^= other.bytes_[i];
  }

 private:
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> bytes_{};
  std::size_t size_;
};

[[noreturn]] void refuse(const std::string& text, std::string hint = {}) {
  throw failure(failure_kind::refused, "TW-AUTH-SCRAM", text, std::move(hint));
}

[[noreturn]] void openssl_failed(const char* what) {
  const char* reason = ERR_reason_error_string(ERR_get_error());
  refuse(std::string("OpenSSL could not compute ") + what + " for SCRAM" +
             (reason ? std::string(": ") + reason : ""),
         "a system-wide policy (FIPS) may forbid the hash that the server asks for");
}

const EVP_MD* md_of(scram_hash hash) {
  return hash == scram_hash::sha1 ? EVP_sha1() : EVP_sha256();
}

std::size_t size_of(scram_hash hash) {
  return hash == scram_hash::sha1 ? 20 : 32;
}

void hmac(scram_hash hash, byte_view key, std::string_view text, digest& out) {
  if (!HMAC(md_of(hash), key.data(), static_cast<int>(key.size()),
            reinterpret_cast<const unsigned char*>(text.data()), text.size(), out.data(), nullptr))
    openssl_failed("an HMAC");
}

void hash_of(scram_hash hash, byte_view bytes, digest& out) {
  if (EVP_Digest(bytes.data(), bytes.size(), out.data(), nullptr, md_of(hash), nullptr) != 1)
    openssl_failed("a hash");
}

secret prepare(secret password, saslprep_rules rules) {
  auto prepared = saslprep(password.reveal(), rules);
  if (prepared) return std::move(*prepared);
  if (rules == saslprep_rules::postgres) return password;
  throw failure(
      failure_kind::refused, "TW-AUTH-PASSWORD",
      "the password " + std::string(to_string(prepared.error())) + ": SASLprep (RFC 4013) can't prepare it",
      "check the password's encoding (UTF-8 is wanted), or choose another one");
}

std::string escaped(std::string_view user) {
  std::string out;
  for (char c : user) {
    if (c == ',')
      out += "=2C";
    else if (c == '=')
      out += "=3D";
    else
      out += c;
  }
  return out;
}

[[noreturn]] void bad_message(const decode_error& error, const char* which) {
  std::string where = std::string(" in the server's ") + which + " SCRAM message";
  if (error.code == decode_errc::limit_exceeded && error.field == std::string_view("iteration count"))
    refuse("the server asks for more than " + std::to_string(max_scram_iterations) + " PBKDF2 iterations" +
               where,
           "so many would keep this program busy for long: is it the right server? If it is, set a smaller "
           "number there and the password again");
  if (error.code == decode_errc::bad_state)
    refuse(
        "a mandatory extension that nobody defines" + where + ", at offset " + std::to_string(error.offset),
        "check what is between here and the server");
  refuse(std::string(to_string(error.code)) + " at offset " + std::to_string(error.offset) + ", " +
             error.field + "," + where,
         "it is malformed: check that the other end is the database, and what is between it and here");
}

/// The words are those of RFC 5802; one that isn't is a stranger's text and not repeated.
[[noreturn]] void server_refuses(std::string_view word) {
  struct known {
    std::string_view word, means, hint;
  };
  static constexpr known words[] = {
      {"invalid-proof", "the password is wrong", "check user and password"},
      {"unknown-user", "it does not know the user", "check the user name"},
      {"invalid-username-encoding", "it can't read the user name", "check the user name"},
      {"invalid-encoding", "it can't read our message", "check user and password for unusual characters"},
      {"extensions-not-supported", "it supports no extensions", ""},
      {"channel-bindings-dont-match", "the TLS connection that it sees is not the one that we see",
       "a proxy that ends TLS is in between: turn channel binding off if it is yours; somebody may be "
       "listening "
       "if it is not"},
      {"server-does-support-channel-binding", "it does offer channel binding, and something hid that from us",
       "somebody between here and the server may be changing what is sent"},
      {"channel-binding-not-supported", "it supports no channel binding", "turn channel binding off"},
      {"unsupported-channel-binding-type", "it does not support the channel binding tls-server-end-point",
       "turn channel binding off"},
      {"no-resources", "it is out of resources", "its log may say more; try again later"},
      {"other-error", "it does not say why", "its log may say more"},
  };
  for (const known& each : words)
    if (each.word == word)
      throw failure(
          word == "no-resources" ? failure_kind::transient : failure_kind::refused, "TW-AUTH-PASSWORD",
          "the server refuses the login: " + std::string(each.means) + " (" + std::string(word) + ")",
          std::string(each.hint));
  throw failure(failure_kind::refused, "TW-AUTH-PASSWORD",
                "the server refuses the login, for a reason that SCRAM does not define",
                "check user and password; the server's log may say more");
}

}  // namespace

std::string scram_nonce() {
  std::array<std::uint8_t, 18> bytes;
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
    throw failure(failure_kind::transient, "TW-AUTH-SCRAM", "the system gives no random numbers for a login",
                  "try again when it has gathered some");
  std::string nonce;
  append_base64(nonce, bytes);
  return nonce;
}

scram_client::scram_client(scram_hash hash, std::string_view user, secret password, scram_binding binding,
                           std::string nonce, scram_options options)
    : hash_(hash),
      password_(prepare(std::move(password), options.password)),
      binding_(std::move(binding)),
      options_(options),
      nonce_(std::move(nonce)),
      first_bare_("n=" + escaped(user) + ",r=" + nonce_) {
  assert(!nonce_.empty() && nonce_.find(',') == nonce_.npos);
  if (user.find('\0') != user.npos)
    throw failure(failure_kind::usage, "TW-AUTH-SCRAM", "the user name has a NUL character",
                  "check the user name");
  if (binding_.what == scram_binding::tls_server_end_point && binding_.certificate_hash.empty())
    refuse("the server's certificate has no hash to bind the login to (tls-server-end-point)",
           "turn channel binding off, or give the server a certificate with a signature of RSA or ECDSA");
}

scram_client::~scram_client() {
  OPENSSL_cleanse(server_signature_.data(), server_signature_.size());
}

std::string_view scram_client::mechanism() const {
  return scram_mechanism(hash_, binding_.what == scram_binding::tls_server_end_point);
}

/// A message at the wrong time is the server's doing. Unless the step is done to its end the exchange has
/// failed.
void scram_client::enter(state from) {
  if (std::exchange(state_, state::failed) != from)
    refuse("the SCRAM messages come out of order", "check that the other end is the database");
}

std::string scram_client::gs2_header() const {
  switch (binding_.what) {
    case scram_binding::none: return "n,,";
    case scram_binding::supported_not_used: return "y,,";
    case scram_binding::tls_server_end_point: return "p=tls-server-end-point,,";
  }
  return {};
}

std::string scram_client::channel_binding() const {
  std::string bound = gs2_header();
  if (binding_.what == scram_binding::tls_server_end_point) bound += as_text(binding_.certificate_hash);
  std::string text;
  append_base64(text, as_bytes(bound));
  return text;
}

std::string scram_client::client_first() {
  enter(state::fresh);
  state_ = state::first_sent;
  return gs2_header() + first_bare_;
}

void scram_client::check_iterations(std::uint64_t count) const {
  bool many = count > options_.max_iterations;
  if (!many && count >= options_.min_iterations) return;
  refuse(
      "the server asks for " + std::to_string(count) + " PBKDF2 iterations; at " +
          (many ? "most " : "least ") +
          std::to_string(many ? options_.max_iterations : options_.min_iterations) + " are accepted",
      many ? "so many would keep this program busy for long: is it the right server? If it is, set a smaller "
             "number there and then the password again"
           : "with so few a listener could find out the password: is it the right server? If it is, set a "
             "larger "
             "number there and then the password again");
}

std::string scram_client::client_final(std::string_view server_first) {
  enter(state::first_sent);
  // The RFC has errors at the end only, but some servers can't wait.
  if (server_first.starts_with("e=")) {
    auto error = decode_scram_server_final(server_first);
    if (!error) bad_message(error.error(), "first");
    server_refuses(error->error);
  }
  auto first = decode_scram_server_first(server_first);
  if (!first) bad_message(first.error(), "first");
  if (!first->nonce.starts_with(nonce_) || first->nonce.size() == nonce_.size())
    refuse("the nonce in the server's first SCRAM message does not continue ours",
           "somebody between here and the server may be replaying another login");
  check_iterations(first->iterations);
  auto salt = decode_base64(first->salt);
  if (!salt || salt->size() > max_scram_salt_bytes)
    refuse("the salt in the server's first SCRAM message is not legal",
           "check that the other end is the database, and what is between it and here");

  std::size_t size = size_of(hash_);
  digest salted_password(size), client_key(size), stored_key(size), proof(size), server_key(size),
      signature(size);
  std::string_view password = password_.reveal();
  if (PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), salt->data(),
                        static_cast<int>(salt->size()), static_cast<int>(first->iterations), md_of(hash_),
                        static_cast<int>(size), salted_password.data()) != 1)
    openssl_failed("PBKDF2");
  password_ = {};
  std::string message = "c=" + channel_binding() + ",r=" + std::string(first->nonce);
  std::string everything = first_bare_ + "," + std::string(server_first) + "," + message;
  hmac(hash_, salted_password.view(), "Client Key", client_key);
  hash_of(hash_, client_key.view(), stored_key);
  hmac(hash_, stored_key.view(), everything, proof);
  proof ^= client_key;
  hmac(hash_, salted_password.view(), "Server Key", server_key);
  hmac(hash_, server_key.view(), everything, signature);
  server_signature_.assign(signature.view().begin(), signature.view().end());
  message += ",p=";
  append_base64(message, proof.view());
  state_ = state::final_sent;
  return message;
}

void scram_client::verify(std::string_view server_final) {
  enter(state::final_sent);
  auto last = decode_scram_server_final(server_final);
  if (!last) bad_message(last.error(), "final");
  if (!last->error.empty()) server_refuses(last->error);
  auto signature = decode_base64(last->verifier);
  if (!signature || signature->size() != server_signature_.size() ||
      CRYPTO_memcmp(signature->data(), server_signature_.data(), signature->size()) != 0)
    throw failure(
        failure_kind::refused, "TW-AUTH-SERVER-SIGNATURE",
        "the server took the password without knowing it: it may be an impostor",
        "check host and port and what is between here and the server; with sslmode=verify-full nobody "
        "else can answer");
  state_ = state::verified;
}

}  // namespace tidewire
