#include "mongo_wire/aws_signature.hpp"

#include <algorithm>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "core/bytes.hpp"
#include "core/failure.hpp"
#include "core/utc_time.hpp"
#include "mongo_wire/json_value.hpp"

namespace tidewire::mongo_wire {
namespace {

constexpr std::size_t sha256_bytes = 32;

[[noreturn]] void openssl_failed() {
  throw failure{failure_kind::refused, "TW-AUTH-AWS",
                "OpenSSL could not compute a signature (HMAC-SHA-256) for MONGODB-AWS",
                "a system-wide policy may forbid it"};
}

/// A key made of another one.
secret hmac(const secret& key, std::string_view text) {
  std::string out(sha256_bytes, '\0');
  byte_view bytes = as_bytes(text);
  if (!HMAC(EVP_sha256(), key.reveal().data(), static_cast<int>(key.reveal().size()), bytes.data(),
            bytes.size(), reinterpret_cast<unsigned char*>(out.data()), nullptr))
    openssl_failed();
  return secret::take(std::move(out));
}

std::string hex(byte_view bytes) {
  std::string out(2 * bytes.size(), '\0');
  put_hex(out.data(), bytes.data(), bytes.size());
  return out;
}

std::string hash_of(std::string_view text) {
  std::uint8_t digest[sha256_bytes];
  if (EVP_Digest(text.data(), text.size(), digest, nullptr, EVP_sha256(), nullptr) != 1) openssl_failed();
  return hex(digest);
}

std::string signed_headers(const aws_request& request) {
  std::string names;
  for (const auto& [name, value] : request.headers) names += (names.empty() ? "" : ";") + name;
  return names;
}

std::string canonical(const aws_request& request) {
  std::string text = request.method + '\n' + request.path + '\n' + request.query + '\n';
  for (const auto& [name, value] : request.headers) text += name + ':' + value + '\n';
  return text + '\n' + signed_headers(request) + '\n' + hash_of(request.body);
}

secret signing_key(const secret& secret_key, std::string_view day, const aws_scope& scope) {
  std::string begin;
  begin.reserve(4 + secret_key.reveal().size());  // growing would leave a copy behind
  begin += "AWS4";
  begin += secret_key.reveal();
  secret of_day = hmac(secret::take(std::move(begin)), day);
  return hmac(hmac(hmac(of_day, scope.region), scope.service), "aws4_request");
}

}  // namespace

std::string aws_date(std::int64_t unix_s) {
  char text[utc_text_size];
  std::string out(text, put_utc(text, unix_s * 1'000'000));
  std::erase_if(out, [](char c) { return c == '-' || c == ':'; });
  return out.substr(0, out.find('.')) + 'Z';
}

std::string aws_authorization(const aws_credentials& credentials, const aws_request& request,
                              const aws_scope& scope) {
  std::string day = scope.date.substr(0, scope.date.find('T'));
  std::string place = day + '/' + scope.region + '/' + scope.service + "/aws4_request";
  std::string to_sign = "AWS4-HMAC-SHA256\n" + scope.date + '\n' + place + '\n' + hash_of(canonical(request));
  secret signature = hmac(signing_key(credentials.secret_key, day, scope), to_sign);
  return "AWS4-HMAC-SHA256 Credential=" + credentials.key_id + '/' + place +
         ", SignedHeaders=" + signed_headers(request) + ", Signature=" + hex(as_bytes(signature.reveal()));
}

}  // namespace tidewire::mongo_wire
