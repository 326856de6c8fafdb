// A prepared password is UTF-8 and is itself prepared; the RFC and Postgres differ only where they are known
// to.
#include <cstdint>
#include <string>
#include <string_view>

#include "core/json.hpp"
#include "core/saslprep.hpp"

using namespace tidewire;

namespace {

void require(bool holds) {
  if (!holds) __builtin_trap();
}

bool is_utf8(std::string_view text) {
  const char* end = text.data() + text.size();
  for (const char* at = text.data(); at != end;) {
    std::size_t length = json::utf8_length(at, end);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  auto strict = saslprep(text, saslprep_rules::rfc4013);
  auto postgres = saslprep(text, saslprep_rules::postgres);
  asm volatile("" ::"g"(&strict), "g"(&postgres) : "memory");
  if (size <= max_saslprep_bytes) {
    require(is_utf8(text) || (!strict && strict.error() == saslprep_fault::not_utf8));
    require(is_utf8(text) || (!postgres && postgres.error() == saslprep_fault::not_utf8));
  }
  if (postgres) require(is_utf8(postgres->reveal()));
  if (strict) {
    require(is_utf8(strict->reveal()));
    auto again = saslprep(strict->reveal(), saslprep_rules::rfc4013);
    require(strict->reveal().size() > max_saslprep_bytes || (again && *again == *strict));
    // The corrected decompositions are of U+2F8xx and U+2F9xx.
    bool corrected = text.find("\xf0\xaf\xa1") != text.npos || text.find("\xf0\xaf\xa4") != text.npos ||
                     text.find("\xf0\xaf\xa5") != text.npos || text.find("\xf0\xaf\xa6") != text.npos;
    if (postgres && !corrected) require(*postgres == *strict);
  }
  return 0;
}
