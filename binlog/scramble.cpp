#include "binlog/scramble.hpp"

#include <array>
#include <memory>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "core/failure.hpp"

namespace tidewire::binlog {

namespace {

struct free_evp {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  void operator()(BIO* bio) const { BIO_free(bio); }
};
template <class T>
using owned = std::unique_ptr<T, free_evp>;

using bytes = std::vector<std::uint8_t>;

bytes digest(const EVP_MD* kind, std::initializer_list<byte_view> parts) {
  owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  bytes out(static_cast<std::size_t>(EVP_MD_get_size(kind)));
  bool good = context && EVP_DigestInit_ex(context.get(), kind, nullptr) == 1;
  for (byte_view part : parts) good = good && EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1;
  good = good && EVP_DigestFinal_ex(context.get(), out.data(), nullptr) == 1;
  if (!good)
    throw failure{failure_kind::refused, "TW-AUTH-NOT-SUPPORTED", "OpenSSL can't compute a hash here", ""};
  return out;
}

bytes mixed(bytes a, const bytes& b) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] ^= b[i];
  return a;
}

[[noreturn]] void rsa_failed(const char* what) {
  throw failure{failure_kind::refused, "TW-AUTH-RSA", std::string("the password can't be encrypted: ") + what,
                "use TLS instead (ssl-mode=required)"};
}

}  // namespace

bytes native_password(const secret& password, byte_view salt) {
  if (password.empty()) return {};
  bytes once = digest(EVP_sha1(), {as_bytes(password.reveal())});
  bytes twice = digest(EVP_sha1(), {once});
  return mixed(once, digest(EVP_sha1(), {salt, twice}));
}

bytes caching_sha2(const secret& password, byte_view salt) {
  if (password.empty()) return {};
  bytes once = digest(EVP_sha256(), {as_bytes(password.reveal())});
  bytes twice = digest(EVP_sha256(), {once});
  return mixed(once, digest(EVP_sha256(), {twice, salt}));
}

bytes rsa_password(const secret& password, byte_view salt, std::string_view pem) {
  if (salt.empty()) rsa_failed("the server sent no salt");
  bytes text(password.reveal().begin(), password.reveal().end());
  text.push_back(0);
  for (std::size_t i = 0; i < text.size(); ++i) text[i] ^= salt[i % salt.size()];
  owned<BIO> source(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  owned<EVP_PKEY> key(source ? PEM_read_bio_PUBKEY(source.get(), nullptr, nullptr, nullptr) : nullptr);
  if (!key) rsa_failed("what the server sent is no public key");
  owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new(key.get(), nullptr));
  bool good = context && EVP_PKEY_encrypt_init(context.get()) == 1 &&
              EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING) == 1;
  std::size_t size = 0;
  good = good && EVP_PKEY_encrypt(context.get(), nullptr, &size, text.data(), text.size()) == 1;
  bytes out(size);
  good = good && EVP_PKEY_encrypt(context.get(), out.data(), &size, text.data(), text.size()) == 1;
  OPENSSL_cleanse(text.data(), text.size());
  if (!good) rsa_failed("it is too long for the server's key, or the key is none of RSA");
  out.resize(size);
  return out;
}

bytes parsec_password(const secret& password, byte_view salt, byte_view extended_salt, byte_view nonce) {
  constexpr int key_bytes = 32;
  bool known = extended_salt.size() > 2 && extended_salt[0] == 'P' && extended_salt[1] <= 3;
  if (!known)
    throw failure{failure_kind::refused, "TW-AUTH-NOT-SUPPORTED",
                  "the server's parsec wants a way to derive the key that is not known here", ""};
  byte_view key_salt = extended_salt.subspan(2);
  std::string_view text = password.reveal();
  std::array<std::uint8_t, key_bytes> seed{};
  bool good = PKCS5_PBKDF2_HMAC(text.data(), static_cast<int>(text.size()), key_salt.data(),
                                static_cast<int>(key_salt.size()), 1024 << extended_salt[1], EVP_sha512(),
                                key_bytes, seed.data()) == 1;
  owned<EVP_PKEY> key(good ? EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.data(), seed.size())
                           : nullptr);
  OPENSSL_cleanse(seed.data(), seed.size());
  bytes message(salt.begin(), salt.end());
  message.insert(message.end(), nonce.begin(), nonce.end());
  bytes signature(64);
  std::size_t size = signature.size();
  owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  good = key && context && EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
         EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()) == 1;
  if (!good)
    throw failure{failure_kind::refused, "TW-AUTH-NOT-SUPPORTED", "OpenSSL can't sign with Ed25519 here", ""};
  bytes out(nonce.begin(), nonce.end());
  out.insert(out.end(), signature.begin(), signature.end());
  return out;
}

}  // namespace tidewire::binlog
