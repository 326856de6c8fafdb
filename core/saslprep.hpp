// SASLprep (RFC 4013): passwords that look the same become the same bytes, on every keyboard.
#pragma once

#include <cstdint>
#include <expected>
#include <string_view>

#include "core/secret.hpp"

namespace tidewire {

enum class saslprep_rules : std::uint8_t {
  rfc4013,  // for a "stored string": what is unassigned in Unicode 3.2 is a fault
  // As Postgres does it: ASCII is taken as it is, control characters included; faults are looked for before
  // NFKC instead of after it; NFKC follows later corrections; an empty result is a fault.
  postgres,
};

enum class saslprep_fault : std::uint8_t { not_utf8, prohibited, unassigned, bidirectional, empty, too_long };

/// For messages, to follow "the password": "is not UTF-8".
std::string_view to_string(saslprep_fault fault);

inline constexpr std::size_t max_saslprep_bytes = 64 * 1024;

std::expected<secret, saslprep_fault> saslprep(std::string_view text, saslprep_rules rules);

}  // namespace tidewire
