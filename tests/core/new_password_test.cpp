#include "core/new_password.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cctype>

using namespace tidewire;

TEST_CASE("A new password is 32 letters and digits, another one each time", "[setup]") {
  secret a = new_password(), b = new_password();
  CHECK(a.reveal().size() == 32);
  CHECK(std::ranges::all_of(a.reveal(), [](unsigned char c) { return std::isalnum(c) != 0; }));
  CHECK_FALSE(a == b);
}

TEST_CASE("A verifier is what Postgres itself keeps of the password", "[setup]") {
  // Computed by another implementation of RFC 5802 (Python's hashlib and hmac).
  CHECK(scram_verifier(secret("pencil"), "0123456789abcdef") ==
        "SCRAM-SHA-256$4096:MDEyMzQ1Njc4OWFiY2RlZg==$nQpbZ77WudtqufPwikHXGRt6g2QJ4zns8bZLw273DRM=:"
        "jn2amWP1q1h+jgjy0YTO14S6/F02SV7taipOeB7ef20=");
  CHECK(scram_verifier(secret("pencil")) != scram_verifier(secret("pencil")));
}
