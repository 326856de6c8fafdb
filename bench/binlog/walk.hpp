// The floor: hops from event to event and from cell to cell, without checksums, bounds checks or an error.
// No decoder of these files can be faster; for input that is not known to be good it is of no use.
#pragma once

#include <unordered_map>
#include <vector>

#include "bench/tally.hpp"

namespace tidewire::bench {

namespace detail {

/// How a cell is hopped over: `size` bytes, or `prefix` bytes of length and as many as they say.
struct hop {
  std::uint8_t size = 0;
  std::uint8_t prefix = 0;
};

inline std::uint64_t load_low(const std::uint8_t* at, unsigned bytes) {
  std::uint64_t value = 0;
  for (unsigned i = bytes; i-- > 0;) value = value << 8 | at[i];
  return value;
}

/// `meta` is moved behind the type's metadata.
inline hop hop_of(std::uint8_t type, const std::uint8_t*& meta) {
  auto digits = [&](unsigned whole) { return hop{static_cast<std::uint8_t>(whole + (*meta++ + 1u) / 2), 0}; };
  auto characters = [](unsigned length) { return hop{0, static_cast<std::uint8_t>(length > 255 ? 2 : 1)}; };
  switch (type) {
    case 1:
    case 13: return {1, 0};
    case 2: return {2, 0};
    case 9:
    case 10:
    case 11:
    case 14: return {3, 0};
    case 3:
    case 7: return {4, 0};
    case 8:
    case 12: return {8, 0};
    case 4:
    case 5: return {*meta++, 0};
    case 17: return digits(4);
    case 18: return digits(5);
    case 19: return digits(3);
    case 15:
    case 253: meta += 2; return characters(meta[-2] | unsigned{meta[-1]} << 8);
    case 16: meta += 2; return {static_cast<std::uint8_t>(meta[-1] + (meta[-2] != 0)), 0};
    case 246: {
      constexpr std::uint8_t leftover[] = {0, 1, 1, 2, 2, 3, 3, 4, 4};
      unsigned whole = meta[0] - meta[1], behind = meta[1];
      meta += 2;
      return {static_cast<std::uint8_t>(whole / 9 * 4 + leftover[whole % 9] + behind / 9 * 4 +
                                        leftover[behind % 9]),
              0};
    }
    case 254: {
      std::uint8_t real = meta[0], length = meta[1];
      meta += 2;
      if (real == 247 || real == 248) return {length, 0};
      return characters(length | ((real & 0x30u) ^ 0x30u) << 4);
    }
    default: return {0, *meta++};  // BLOB, JSON, GEOMETRY
  }
}

/// Of a Table_map's body.
inline std::vector<hop> hops_of(const std::uint8_t* at) {
  at += 8;
  at += *at + 2;
  at += *at + 2;
  unsigned columns = *at++;
  const std::uint8_t* types = at;
  const std::uint8_t* meta = at + columns + 1;
  std::vector<hop> hops;
  for (unsigned i = 0; i < columns; ++i) hops.push_back(hop_of(types[i], meta));
  return hops;
}

inline const std::uint8_t* walk_image(const std::uint8_t* at, const std::vector<hop>& hops,
                                      const std::uint8_t* file, tally& seen) {
  const std::uint8_t* nulls = at;
  at += (hops.size() + 7) / 8;
  ++seen.images;
  for (std::size_t i = 0; i < hops.size(); ++i) {
    if (nulls[i / 8] >> (i % 8) & 1) {
      ++seen.missing;
      continue;
    }
    prefetch_ahead(at);
    hop of = hops[i];
    std::uint32_t size = of.size;
    if (of.prefix == 1)
      size = *at;
    else if (of.prefix == 2)
      size = load_le<std::uint16_t>(at);
    else if (of.prefix)
      size = static_cast<std::uint32_t>(load_low(at, of.prefix));
    at += of.prefix;
    seen.value(at, size, file);
    at += size;
  }
  return at;
}

}  // namespace detail

/// Of files with full row images, checksums, and tables of at most 250 columns.
[[gnu::noinline]] inline tally walk_pass(byte_view file) {
  tally seen;
  std::unordered_map<std::uint64_t, std::vector<detail::hop>> tables;
  const std::uint8_t* end = file.data() + file.size();
  for (const std::uint8_t* event = file.data() + 4; event != end;) {
    const std::uint8_t* next = event + load_le<std::uint32_t>(event + 9);
    const std::uint8_t* body = event + 19;
    ++seen.messages;
    std::uint8_t type = event[4];
    if (type == 19) {
      std::vector<detail::hop>& hops = tables[detail::load_low(body, 6)];
      if (hops.empty()) hops = detail::hops_of(body);
    } else if (type >= 30 && type <= 32) {
      const std::vector<detail::hop>& hops = tables[detail::load_low(body, 6)];
      const std::uint8_t* at = body + 8 + load_le<std::uint16_t>(body + 8) + 1;
      at += (hops.size() + 7) / 8 * (type == 31 ? 2 : 1);
      while (at != next - 4) {
        ++seen.rows;
        at = detail::walk_image(at, hops, file.data(), seen);
        if (type == 31) at = detail::walk_image(at, hops, file.data(), seen);
      }
    }
    event = next;
  }
  return seen;
}

}  // namespace tidewire::bench
