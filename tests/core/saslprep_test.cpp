#include "core/saslprep.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <openssl/evp.h>
#include <set>
#include <string>
#include <vector>

#include "core/saslprep_tables.hpp"
#include "tests/core/saslprep_golden.hpp"

using namespace tidewire;
using namespace tidewire::testing;

namespace {

std::string utf8(std::u32string_view text) {
  std::string out;
  for (char32_t c : text) {
    if (c < 0x80) {
      out += static_cast<char>(c);
    } else if (c < 0x800) {
      out += static_cast<char>(0xc0 | c >> 6);
      out += static_cast<char>(0x80 | (c & 0x3f));
    } else {
      if (c < 0x10000) {
        out += static_cast<char>(0xe0 | c >> 12);
      } else {
        out += static_cast<char>(0xf0 | c >> 18);
        out += static_cast<char>(0x80 | (c >> 12 & 0x3f));
      }
      out += static_cast<char>(0x80 | (c >> 6 & 0x3f));
      out += static_cast<char>(0x80 | (c & 0x3f));
    }
  }
  return out;
}

/// As the golden digests have it: "=text", or the fault's letter.
std::string outcome(std::string_view text, saslprep_rules rules) {
  auto result = saslprep(text, rules);
  if (result) return "=" + std::string(result->reveal());
  switch (result.error()) {
    case saslprep_fault::not_utf8: return "8";
    case saslprep_fault::prohibited: return "P";
    case saslprep_fault::unassigned: return "U";
    case saslprep_fault::bidirectional: return "B";
    case saslprep_fault::empty: return "E";
    case saslprep_fault::too_long: return "L";
  }
  return "?";
}

std::string outcome(std::u32string_view text, saslprep_rules rules) {
  return outcome(utf8(text), rules);
}

class digest {
 public:
  void add(std::u32string_view text) {
    std::string bytes = utf8(text);
    for (auto rules : {saslprep_rules::rfc4013, saslprep_rules::postgres}) {
      results_ += outcome(bytes, rules);
      results_ += '\xff';
    }
  }
  std::string text() const {
    unsigned char hash[32];
    REQUIRE(EVP_Digest(results_.data(), results_.size(), hash, nullptr, EVP_sha256(), nullptr) == 1);
    std::string hex;
    for (int i = 0; i < 8; ++i) {
      hex += "0123456789abcdef"[hash[i] >> 4];
      hex += "0123456789abcdef"[hash[i] & 15];
    }
    return hex;
  }

 private:
  std::string results_;
};

/// The tables are sorted.
template <class Range, std::size_t N>
bool in(const Range (&table)[N], char32_t code) {
  const Range* found = std::ranges::lower_bound(table, code, {}, &Range::last);
  return found != std::end(table) && found->first <= code;
}

/// The characters that the mixtures are made of, in order.
std::vector<char32_t> interesting() {
  using namespace unicode_3_2;
  std::vector<char32_t> found{0x41, 0x61,   0x65,   0x6f,   0x20,   0x31,
                              0x2f, 0xac00, 0xac01, 0xd7a3, 0x4e00, 0x1d160};
  for (char32_t code = 0; code < 0xe0000; ++code) {
    if ((code >= 0x3400 && code <= 0xd7a3) || (code >= 0xd800 && code <= 0xf8ff) || in(unassigned, code))
      continue;
    if (in(combining_classes, code) || in(decompositions, code) || in(mapped_to_nothing, code) ||
        in(other_spaces, code) || (code >= 0x1100 && code <= 0x11ff))
      found.push_back(code);
  }
  return found;
}

#if defined(__SANITIZE_ADDRESS__)
constexpr bool sanitized = true;
#elif defined(__has_feature)
constexpr bool sanitized = __has_feature(address_sanitizer);
#else
constexpr bool sanitized = false;
#endif

class numbers {
 public:
  explicit numbers(std::uint64_t seed) : state_(seed) {}
  std::size_t below(std::size_t limit) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return (state_ >> 32) % limit;
  }

 private:
  std::uint64_t state_;
};

}  // namespace

TEST_CASE("SASLprep does what RFC 4013 shows", "[saslprep]") {
  struct {
    std::u32string_view text;
    const char* result;
  } cases[] = {
      {U"I\u00adX", "=IX"},
      {U"user", "=user"},
      {U"USER", "=USER"},
      {U"\u00aa", "=a"},
      {U"\u2168", "=IX"},
      {U"\x07", "P"},
      {U"\u0627\x31", "B"},
      // What MongoDB's description of SCRAM uses as examples.
      {U"\u2163", "=IV"},
      {U"I\u00adV", "=IV"},
  };
  for (const auto& each : cases) {
    CAPTURE(utf8(each.text));
    CHECK(outcome(each.text, saslprep_rules::rfc4013) == each.result);
  }
}

TEST_CASE("Hard cases of SASLprep, by the RFC and by Postgres", "[saslprep]") {
  struct {
    std::u32string_view text;
    std::string rfc4013;
    std::string postgres;
  } cases[] = {
      {U"", "=", "="},
      {U"a\x01z", "P", "=a\x01z"},
      {U"\x7f", "P", "=\x7f"},
      {U"\u00ad", "=", "E"},
      {U"\u00e9\x01", "P", "P"},
      {U"a\u00a0b\u3000c\u200bd", "=a b c d", "=a b c d"},
      {U"a\u200d\ufeff\u2060b", "=ab", "=ab"},
      // A fault before NFKC that is none after it.
      {U"\u0340a", utf8(U"=\u0300a"), "P"},
      {U"\u0341", utf8(U"=\u0301"), "P"},
      // Corrected decompositions.
      {U"\U0002f868", utf8(U"=\U0002136a"), utf8(U"=\u36fc")},
      {U"\U0002f9bf", utf8(U"=\u4d57"), utf8(U"=\u45d7")},
      // Unknown to Unicode 3.2.
      {U"\u0221", "U", "U"},
      {U"\u1e9e", "U", "U"},
      {U"\U0001f600", "U", "U"},
      {U"\ue000", "P", "P"},
      {U"\ufffd", "P", "P"},
      {U"\U0010ffff", "P", "P"},
      // Marks are sorted by their class and composed unless something of the same class stands before them.
      {U"e\u0301", utf8(U"=\u00e9"), utf8(U"=\u00e9")},
      {U"e\u0323\u0302", utf8(U"=\u1ec7"), utf8(U"=\u1ec7")},
      {U"e\u0302\u0323", utf8(U"=\u1ec7"), utf8(U"=\u1ec7")},
      {U"a\u0305\u0301", utf8(U"=a\u0305\u0301"), utf8(U"=a\u0305\u0301")},
      {U"a\u0315\u0300\u05ae\u0062", utf8(U"=\u00e0\u05ae\u0315b"), utf8(U"=\u00e0\u05ae\u0315b")},
      {U"\u0301e", utf8(U"=\u0301e"), utf8(U"=\u0301e")},
      {U"\u0344", utf8(U"=\u0308\u0301"), utf8(U"=\u0308\u0301")},
      {U"\u0958", utf8(U"=\u0915\u093c"), utf8(U"=\u0915\u093c")},
      {U"\u0b47\u0300\u0b3e", utf8(U"=\u0b47\u0300\u0b3e"), utf8(U"=\u0b47\u0300\u0b3e")},
      {U"\u1e9b\u0323", utf8(U"=\u1e69"), utf8(U"=\u1e69")},
      {U"\u212b\u2126", utf8(U"=\u00c5\u03a9"), utf8(U"=\u00c5\u03a9")},
      {U"\ufb01\u00bd\u2460",
       utf8(U"=fi1\u20442"
            U"1"),
       utf8(U"=fi1\u20442"
            U"1")},
      {U"\U0001d15e", utf8(U"=\U0001d157\U0001d165"), utf8(U"=\U0001d157\U0001d165")},
      {U"\U0001d400\uff21", "=AA", "=AA"},
      // The longest decomposition, right to left all of it but its spaces.
      {U"\ufdfa",
       utf8(
           U"=\u0635\u0644\u0649 \u0627\u0644\u0644\u0647 \u0639\u0644\u064a\u0647 \u0648\u0633\u0644\u0645"),
       utf8(U"=\u0635\u0644\u0649 \u0627\u0644\u0644\u0647 \u0639\u0644\u064a\u0647 "
            U"\u0648\u0633\u0644\u0645")},
      // Hangul.
      {U"\u1100\u1161\u11a8", utf8(U"=\uac01"), utf8(U"=\uac01")},
      {U"\uac00\u11a8", utf8(U"=\uac01"), utf8(U"=\uac01")},
      {U"\uac01\u11a8", utf8(U"=\uac01\u11a8"), utf8(U"=\uac01\u11a8")},
      {U"\u1100\u0301\u1161", utf8(U"=\u1100\u0301\u1161"), utf8(U"=\u1100\u0301\u1161")},
      {U"\u1112\u1175\u11c2", utf8(U"=\ud7a3"), utf8(U"=\ud7a3")},
      {U"\u1113\u1161", utf8(U"=\u1113\u1161"), utf8(U"=\u1113\u1161")},
      // Writing directions.
      {U"\u05d0\u05d1", utf8(U"=\u05d0\u05d1"), utf8(U"=\u05d0\u05d1")},
      {U"\u05d01\u05d1", utf8(U"=\u05d01\u05d1"), utf8(U"=\u05d01\u05d1")},
      {U"\u05d0a\u05d1", "B", "B"},
      {U"1\u05d0", "B", "B"},
      {U"\u05d01", "B", "B"},
  };
  for (const auto& each : cases) {
    CAPTURE(utf8(each.text));
    CHECK(outcome(each.text, saslprep_rules::rfc4013) == each.rfc4013);
    CHECK(outcome(each.text, saslprep_rules::postgres) == each.postgres);
  }
}

TEST_CASE("Bytes that are not UTF-8 are not prepared", "[saslprep]") {
  for (std::string_view text : {"\x80", "a\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                "\xf0\x8f\xbf\xbf", "\xe2\x82", "\xff", "caf\xe9"}) {
    CHECK(outcome(text, saslprep_rules::rfc4013) == "8");
    CHECK(outcome(text, saslprep_rules::postgres) == "8");
  }
}

TEST_CASE("A text to prepare has a largest size; plain ASCII has none", "[saslprep]") {
  std::string ascii(max_saslprep_bytes + 1, 'x');
  CHECK(outcome(ascii, saslprep_rules::rfc4013) == "=" + ascii);
  std::string longest(max_saslprep_bytes - 2, 'x');
  longest += "\u00e9";
  CHECK(outcome(longest, saslprep_rules::postgres) == "=" + longest);
  CHECK(outcome(longest + "x", saslprep_rules::postgres) == "L");
}

TEST_CASE("Every fault has a text", "[saslprep]") {
  for (int fault = 0; fault <= static_cast<int>(saslprep_fault::too_long); ++fault)
    CHECK(to_string(static_cast<saslprep_fault>(fault)).size() > 5);
}

TEST_CASE("Every code point is prepared as Python does it", "[saslprep]") {
  // Most blocks hold nothing that is assigned, and one outcome is that of all. There the sanitizers, which
  // make this slow, see the first; all are for the build without them.
  std::set<std::string_view> seen;
  std::size_t block = 0;
  for (char32_t first = 0; first < 0x110000; first += golden_block, ++block) {
    if (!seen.insert(golden_blocks[block]).second && sanitized) continue;
    digest results;
    for (char32_t code = first; code < first + golden_block; ++code) {
      if (code >= 0xd800 && code <= 0xdfff) continue;
      for (std::u32string form : golden_forms) {
        form[form.find(U'%')] = code;
        results.add(form);
      }
    }
    CAPTURE(block);
    CHECK(results.text() == golden_blocks[block]);
  }
  CHECK(block == std::size(golden_blocks));
}

TEST_CASE("Mixtures of what is decomposed, sorted and composed are prepared as Python does it",
          "[saslprep]") {
  std::vector<char32_t> pool = interesting();
  REQUIRE(pool.size() == golden_interesting_characters);
  std::uint64_t seed = 0;
  for (const char* wanted : golden_mixtures) {
    numbers source(seed);
    digest results;
    for (int i = 0; i < 2000; ++i) {
      std::u32string text(1 + source.below(8), U' ');
      for (char32_t& c : text) c = pool[source.below(pool.size())];
      results.add(text);
    }
    CAPTURE(seed);
    CHECK(results.text() == wanted);
    ++seed;
  }
}
