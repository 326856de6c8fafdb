// Passwords that tidewire makes for a role, and what a Postgres keeps of them.
#pragma once

#include <string>

#include "core/secret.hpp"

namespace tidewire {

/// 32 letters and digits, 190 random bits: needs no quoting anywhere, also not in a connection string.
secret new_password();

/// `SCRAM-SHA-256$4096:salt$StoredKey:ServerKey`, which Postgres takes instead of the password itself, so
/// that the password never reaches the server, or its log. For passwords of ASCII characters. `salt`: 16
/// random bytes; for tests.
std::string scram_verifier(const secret& password, std::string salt = {});

}  // namespace tidewire
