#include "core/saslprep.hpp"

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/json.hpp"
#include "core/saslprep_tables.hpp"

namespace tidewire {
namespace {

/// Memory is wiped before it is given back: a vector of these that grows leaves nothing behind.
template <class T>
struct wiping_allocator {
  using value_type = T;
  wiping_allocator() = default;
  template <class U>
  wiping_allocator(const wiping_allocator<U>&) {}
  T* allocate(std::size_t count) { return std::allocator<T>{}.allocate(count); }
  void deallocate(T* at, std::size_t count) {
    OPENSSL_cleanse(at, count * sizeof(T));
    std::allocator<T>{}.deallocate(at, count);
  }
  friend bool operator==(const wiping_allocator&, const wiping_allocator&) { return true; }
};

struct character {
  char32_t code;
  std::uint8_t combining_class;
};
using codes = std::vector<char32_t, wiping_allocator<char32_t>>;
using characters = std::vector<character, wiping_allocator<character>>;

/// The range that holds `code`, or null.
template <class Range, std::size_t N>
const Range* find_range(const Range (&table)[N], char32_t code) {
  const Range* after = std::upper_bound(std::begin(table), std::end(table), code,
                                        [](char32_t c, const Range& range) { return c < range.first; });
  return after != table && code <= after[-1].last ? after - 1 : nullptr;
}

template <std::size_t N>
bool in(const unicode_3_2::code_range (&table)[N], char32_t code) {
  return find_range(table, code) != nullptr;
}

std::uint8_t combining_class(char32_t code) {
  auto range = find_range(unicode_3_2::combining_classes, code);
  return range ? range->number : 0;
}

// Hangul syllables are composed by arithmetic: lead and vowel, and perhaps a tail.
constexpr char32_t hangul = 0xac00, lead = 0x1100, vowel = 0x1161, tail = 0x11a7;
constexpr char32_t leads = 19, vowels = 21, tails = 28, syllables = leads * vowels * tails;

/// Appends in canonical order.
void append(characters& out, char32_t code) {
  std::uint8_t number = combining_class(code);
  auto at = out.end();
  if (number != 0)
    while (at != out.begin() && at[-1].combining_class > number) --at;
  out.insert(at, {code, number});
}

void decompose(characters& out, char32_t code, saslprep_rules rules) {
  if (code - hangul < syllables) {
    char32_t index = code - hangul;
    append(out, lead + index / (vowels * tails));
    append(out, vowel + index / tails % vowels);
    if (index % tails != 0) append(out, tail + index % tails);
    return;
  }
  if (rules == saslprep_rules::postgres)
    for (const auto& each : unicode_3_2::corrected)
      if (each.from == code) return append(out, each.to);
  const auto* run = find_range(unicode_3_2::decompositions, code);
  if (!run) return append(out, code);
  char32_t index = code - run->first;
  if (run->length == 0) return append(out, run->at + index);
  for (char32_t each :
       std::span(unicode_3_2::decomposed_characters).subspan(run->at + index * run->length, run->length))
    append(out, each);
}

std::optional<char32_t> composite(char32_t first, char32_t second) {
  if (first - lead < leads && second - vowel < vowels)
    return hangul + ((first - lead) * vowels + second - vowel) * tails;
  if (first - hangul < syllables && (first - hangul) % tails == 0 && second - tail - 1 < tails - 1)
    return first + second - tail;
  const auto& table = unicode_3_2::compositions;
  auto found = std::ranges::lower_bound(table, std::pair(first, second), {}, [](const auto& each) {
    return std::pair<char32_t, char32_t>(each.first, each.second);
  });
  if (found == std::end(table) || found->first != first || found->second != second) return std::nullopt;
  return found->composite;
}

codes normalize(const codes& text, saslprep_rules rules) {
  characters apart;
  apart.reserve(text.size());
  for (char32_t code : text) decompose(apart, code, rules);
  codes out;
  out.reserve(apart.size());
  std::size_t starter = 0;
  int last_class = -1;  // of what stands between the starter and here, and was not composed
  for (const character& each : apart) {
    if (!out.empty() && last_class < each.combining_class) {
      if (auto composed = composite(out[starter], each.code)) {
        out[starter] = *composed;
        continue;
      }
    }
    if (each.combining_class == 0) {
      starter = out.size();
      last_class = -1;
    } else {
      last_class = each.combining_class;
    }
    out.push_back(each.code);
  }
  return out;
}

std::optional<saslprep_fault> find_fault(const codes& text) {
  using namespace unicode_3_2;
  for (char32_t code : text)
    if (in(prohibited, code)) return saslprep_fault::prohibited;
  for (char32_t code : text)
    if (in(unassigned, code)) return saslprep_fault::unassigned;
  auto leftwards = [](char32_t code) { return in(right_to_left, code); };
  if (std::ranges::none_of(text, leftwards)) return std::nullopt;
  if (!leftwards(text.front()) || !leftwards(text.back()) ||
      std::ranges::any_of(text, [](char32_t code) { return in(left_to_right, code); }))
    return saslprep_fault::bidirectional;
  return std::nullopt;
}

/// Decoded and mapped; nothing if it is not UTF-8.
std::optional<codes> map(std::string_view text) {
  codes out;
  out.reserve(text.size());
  const char* at = text.data();
  const char* end = at + text.size();
  while (at != end) {
    std::size_t length = json::utf8_length(at, end);
    if (length == 0) return std::nullopt;
    char32_t code = static_cast<unsigned char>(*at);
    if (length > 1) code &= 0x7fu >> length;
    for (std::size_t i = 1; i < length; ++i) code = code << 6 | (static_cast<unsigned char>(at[i]) & 0x3f);
    at += length;
    // U+200B is in both tables. It becomes a space, as it does on a Postgres server.
    if (in(unicode_3_2::other_spaces, code))
      out.push_back(' ');
    else if (!in(unicode_3_2::mapped_to_nothing, code))
      out.push_back(code);
  }
  return out;
}

secret to_utf8(const codes& text) {
  std::vector<char, wiping_allocator<char>> out;
  out.reserve(text.size() * 4);
  auto put = [&](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  for (char32_t code : text) {
    if (code < 0x80) {
      put(code);
      continue;
    }
    int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    put((0xff00u >> (more + 1) & 0xff) | code >> (6 * more));
    while (more-- > 0) put(0x80 | (code >> (6 * more) & 0x3f));
  }
  return secret{std::string_view{out.data(), out.size()}};
}

}  // namespace

std::string_view to_string(saslprep_fault fault) {
  switch (fault) {
    case saslprep_fault::not_utf8: return "is not UTF-8";
    case saslprep_fault::prohibited: return "has a character that is not allowed";
    case saslprep_fault::unassigned: return "has a character that Unicode 3.2 does not know";
    case saslprep_fault::bidirectional: return "mixes writing directions in a way that is not allowed";
    case saslprep_fault::empty: return "has no character that counts";
    case saslprep_fault::too_long: return "is too long";
  }
  return "?";
}

std::expected<secret, saslprep_fault> saslprep(std::string_view text, saslprep_rules rules) {
  bool plain = std::ranges::all_of(text, [rules](char c) {
    auto byte = static_cast<unsigned char>(c);
    return byte < 0x80 && (rules == saslprep_rules::postgres || (byte >= 0x20 && byte != 0x7f));
  });
  if (plain) return secret{text};
  if (text.size() > max_saslprep_bytes) return std::unexpected(saslprep_fault::too_long);
  auto mapped = map(text);
  if (!mapped) return std::unexpected(saslprep_fault::not_utf8);
  if (rules == saslprep_rules::postgres && mapped->empty()) return std::unexpected(saslprep_fault::empty);
  codes normal = normalize(*mapped, rules);
  if (auto fault = find_fault(rules == saslprep_rules::postgres ? *mapped : normal))
    return std::unexpected(*fault);
  return to_utf8(normal);
}

}  // namespace tidewire
