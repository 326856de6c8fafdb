#include "core/new_password.hpp"

#include <array>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "core/base64.hpp"
#include "core/failure.hpp"

namespace tidewire {
namespace {

using digest = std::array<unsigned char, 32>;

constexpr int iterations = 4096;

[[noreturn]] void openssl_failed() {
  throw failure(failure_kind::transient, "TW-AUTH-SCRAM", "OpenSSL could not make a password",
                "a system-wide policy (FIPS) may forbid what it takes");
}

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) != 1)
    openssl_failed();
  return bytes;
}

digest hmac(const digest& key, std::string_view text) {
  digest out;
  if (!HMAC(EVP_sha256(), key.data(), key.size(), reinterpret_cast<const unsigned char*>(text.data()),
            text.size(), out.data(), nullptr))
    openssl_failed();
  return out;
}

std::string base64(byte_view bytes) {
  std::string out;
  append_base64(out, bytes);
  return out;
}

}  // namespace

secret new_password() {
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  constexpr std::size_t wanted = 32;
  std::string text;
  while (text.size() < wanted) {
    std::string bytes = random_bytes(wanted);
    for (char c : bytes) {
      // The bytes above the last whole multiple of 62 would make some letters likelier.
      auto byte = static_cast<unsigned char>(c);
      if (byte < 248 && text.size() < wanted) text += letters[byte % letters.size()];
    }
    OPENSSL_cleanse(bytes.data(), bytes.size());
  }
  return secret::take(std::move(text));
}

std::string scram_verifier(const secret& password, std::string salt) {
  if (salt.empty()) salt = random_bytes(16);
  digest salted, stored;
  std::string_view text = password.reveal();
  if (PKCS5_PBKDF2_HMAC(text.data(), static_cast<int>(text.size()),
                        reinterpret_cast<const unsigned char*>(salt.data()), static_cast<int>(salt.size()),
                        iterations, EVP_sha256(), salted.size(), salted.data()) != 1)
    openssl_failed();
  digest client_key = hmac(salted, "Client Key");
  digest server_key = hmac(salted, "Server Key");
  if (EVP_Digest(client_key.data(), client_key.size(), stored.data(), nullptr, EVP_sha256(), nullptr) != 1)
    openssl_failed();
  std::string verifier = "SCRAM-SHA-256$" + std::to_string(iterations) + ':' + base64(as_bytes(salt)) + '$' +
                         base64(stored) + ':' + base64(server_key);
  OPENSSL_cleanse(salted.data(), salted.size());
  OPENSSL_cleanse(client_key.data(), client_key.size());
  return verifier;
}

}  // namespace tidewire
