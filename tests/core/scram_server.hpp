// The other end of a SCRAM exchange: knows one password, by the RFC's own formulas.
#pragma once

#include <algorithm>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string>

#include "core/base64.hpp"
#include "core/scram.hpp"

namespace tidewire::testing {

class scram_server {
 public:
  /// `password`: prepared already.
  scram_server(scram_hash hash, std::string password) : hash_(hash), password_(std::move(password)) {}

  std::string salt = "\x01salt\xff";
  int iterations = 7;
  std::string nonce = "%server+nonce";
  std::string extensions;        // ",name=value…" behind the first message
  std::string certificate_hash;  // what this end of the TLS connection has
  bool offers_binding = false;
  std::string user;  // what the client said

  std::string first(const std::string& client_first) {
    auto gs2_end = client_first.find(',', client_first.find(',') + 1) + 1;
    gs2_ = client_first.substr(0, gs2_end);
    client_first_bare_ = client_first.substr(gs2_end);
    auto nonce_at = client_first_bare_.find(",r=");
    user = client_first_bare_.substr(2, nonce_at - 2);
    both_nonces_ = client_first_bare_.substr(nonce_at + 3) + nonce;
    first_ = "r=" + both_nonces_ + ",s=" + base64(salt) + ",i=" + std::to_string(iterations) + extensions;
    return first_;
  }

  std::string final(const std::string& client_final) {
    if (gs2_ == "y,," && offers_binding) return "e=server-does-support-channel-binding";
    auto proof_at = client_final.rfind(",p=");
    std::string without_proof = client_final.substr(0, proof_at);
    bool plus = gs2_.starts_with("p=");
    std::string bound = gs2_ + (plus ? certificate_hash : "");
    if (!without_proof.starts_with("c=" + base64(bound) + ",")) return "e=channel-bindings-dont-match";
    if (without_proof != "c=" + base64(bound) + ",r=" + both_nonces_) return "e=other-error";
    std::string message = client_first_bare_ + "," + first_ + "," + without_proof;
    std::string salted = hmac(password_, salt + std::string("\0\0\0\1", 4)), round = salted;
    for (int i = 1; i < iterations; ++i) {
      round = hmac(password_, round);
      salted = both(salted, round);
    }
    auto proof = decode_base64(client_final.substr(proof_at + 3)).value();
    std::string client_key = hmac(salted, "Client Key");
    std::string wanted = both(client_key, hmac(hash(client_key), message));
    if (!std::ranges::equal(as_bytes(wanted), proof)) return "e=invalid-proof";
    return "v=" + base64(hmac(hmac(salted, "Server Key"), message));
  }

  static std::string base64(std::string_view text) {
    std::string out;
    append_base64(out, as_bytes(text));
    return out;
  }

 private:
  const EVP_MD* md() const { return hash_ == scram_hash::sha1 ? EVP_sha1() : EVP_sha256(); }

  std::string hmac(const std::string& key, const std::string& text) const {
    unsigned char out[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    HMAC(md(), key.data(), static_cast<int>(key.size()), as_bytes(text).data(), text.size(), out, &size);
    return {reinterpret_cast<char*>(out), size};
  }
  std::string hash(const std::string& text) const {
    unsigned char out[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_Digest(text.data(), text.size(), out, &size, md(), nullptr);
    return {reinterpret_cast<char*>(out), size};
  }
  static std::string both(std::string a, const std::string& b) {
    for (std::size_t i = 0; i < a.size(); ++i) a[i] = static_cast<char>(a[i] ^ b[i]);
    return a;
  }

  scram_hash hash_;
  std::string password_;
  std::string gs2_, client_first_bare_, first_, both_nonces_;
};

}  // namespace tidewire::testing
