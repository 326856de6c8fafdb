// What a server says in a SCRAM exchange (RFC 5802 section 7), read strictly.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/bytes.hpp"
#include "core/decode_error.hpp"

namespace tidewire {

inline constexpr std::size_t max_scram_message_bytes = 16 * 1024;
inline constexpr std::size_t max_scram_nonce_bytes = 1024;
inline constexpr std::size_t max_scram_salt_bytes = 1024;
inline constexpr std::uint64_t max_scram_iterations = 10'000'000;

/// Borrows the message.
struct scram_server_first_view {
  std::string_view nonce;  // the client's with the server's behind it
  std::string_view salt;   // base64
  std::uint64_t iterations = 0;
};

/// `r=…,s=…,i=…` in this order; attributes that follow and that we don't know are skipped, as the RFC wants.
/// Errors: bad_value (what a field must look like), unknown_tag (a field missing or out of order), bad_state
/// (a mandatory extension, `m=`), limit_exceeded (also for more than max_scram_iterations).
decoded<scram_server_first_view> decode_scram_server_first(std::string_view message);

struct scram_server_final_view {
  std::string_view verifier;  // base64; or
  std::string_view error;     // the server's word for why it refuses: never empty then
};

/// `v=…` or `e=…`. Errors as above.
decoded<scram_server_final_view> decode_scram_server_final(std::string_view message);

}  // namespace tidewire
