// A password in memory: it has no way into a stream, a format string or an error, and is wiped when it goes.
#pragma once

#include <openssl/crypto.h>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tidewire {

/// Owns a secret text. There is no conversion to a string and no printing: who needs the bytes says reveal().
/// Not a std::string, whose short form stays behind in moved-from objects.
class secret {
 public:
  secret() = default;
  explicit secret(std::string_view text) : bytes_(text.begin(), text.end()) {}

  /// Takes over a text and wipes the original (the bytes up to its size).
  static secret take(std::string&& text) {
    secret taken{std::string_view{text}};
    OPENSSL_cleanse(text.data(), text.size());
    text.clear();
    return taken;
  }

  secret(const secret& other) = default;
  secret(secret&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  secret& operator=(secret other) noexcept {
    bytes_.swap(other.bytes_);
    return *this;
  }
  ~secret() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

  /// The text itself, valid while this object lives unchanged.
  std::string_view reveal() const { return {bytes_.data(), bytes_.size()}; }
  bool empty() const { return bytes_.empty(); }

  friend bool operator==(const secret& a, const secret& b) {
    return a.bytes_.size() == b.bytes_.size() &&
           CRYPTO_memcmp(a.bytes_.data(), b.bytes_.data(), a.bytes_.size()) == 0;
  }

  template <class Stream>
  friend Stream& operator<<(Stream&, const secret&) = delete;

 private:
  std::vector<char> bytes_;
};

}  // namespace tidewire
