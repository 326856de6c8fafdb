// Signature Version 4 of Amazon Web Services: shows that we know a secret key without sending it.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/secret.hpp"

namespace tidewire::mongo_wire {

struct aws_credentials {
  std::string key_id;
  secret secret_key;
  secret session_token;  // of those that are good for some hours; else empty
};

/// An HTTP request as it is signed: in its canonical form.
struct aws_request {
  std::string method;
  std::string path = "/";  // encoded
  std::string query;       // encoded and sorted
  /// Names in lower case and in their order; values without blanks around them. The date and, of credentials
  /// that have one, the session token must be among them.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

/// What a signature is good for.
struct aws_scope {
  std::string date;  // aws_date
  std::string region;
  std::string service;
};

/// For example 20261124T100000Z. From year 0 to 9999.
std::string aws_date(std::int64_t unix_s);

/// The value of the header Authorization. Throws failure TW-AUTH-AWS where OpenSSL may not do HMAC-SHA-256.
std::string aws_authorization(const aws_credentials& credentials, const aws_request& request,
                              const aws_scope& scope);

}  // namespace tidewire::mongo_wire
