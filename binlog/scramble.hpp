// What the authentication plugins make of a password. No I/O.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.hpp"
#include "core/secret.hpp"

namespace tidewire::binlog {

/// mysql_native_password: 20 bytes; empty for an empty password.
std::vector<std::uint8_t> native_password(const secret& password, byte_view salt);

/// caching_sha2_password, the quick way: 32 bytes; empty for an empty password.
std::vector<std::uint8_t> caching_sha2(const secret& password, byte_view salt);

/// The password with its NUL, mixed with the salt and encrypted with the server's public key (PEM), for
/// sha256_password and the long way of caching_sha2_password. Throws failure TW-AUTH-RSA.
std::vector<std::uint8_t> rsa_password(const secret& password, byte_view salt, std::string_view pem);

/// MariaDB's client_ed25519: the signature of the salt with a key made of the password. 64 bytes.
std::vector<std::uint8_t> ed25519_password(const secret& password, byte_view salt);

/// MariaDB's parsec. `extended_salt`: the letter P, the logarithm of the iterations, the salt. The answer is
/// `nonce` (32 bytes, random) and a signature. Throws failure TW-AUTH-NOT-SUPPORTED for another letter.
std::vector<std::uint8_t> parsec_password(const secret& password, byte_view salt, byte_view extended_salt,
                                          byte_view nonce);

}  // namespace tidewire::binlog
