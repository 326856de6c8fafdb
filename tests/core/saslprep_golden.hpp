// What Python makes of every code point and of many mixtures: digests of results in the
// order of saslprep_test.cpp. Written by tools/saslprep_tables.
#pragma once

#include <cstddef>

// clang-format off
namespace tidewire::testing {

/// Each code point of a block stands in these in turn, in the place of the %.
inline constexpr const char32_t* golden_forms[] = {U"%", U"a%", U"%\u0301", U"\u05d0%\u05d0", U"\u05d0%"};
inline constexpr char32_t golden_block = 0x8000;
inline constexpr std::size_t golden_interesting_characters = 5746;

/// One for each block of code points.
inline constexpr const char* golden_blocks[] = {
  "37d856c8d9ceba86","26bc48bac80abda9","780eeb19210abb41","0cd748d5a1094b20","be7deb35fbd02515",
  "febbc3e0b162a8f1","957c31bebd9259b3","24bc18452f947cbf","957c31bebd9259b3","24bc18452f947cbf",
  "957c31bebd9259b3","24bc18452f947cbf","957c31bebd9259b3","24bc18452f947cbf","957c31bebd9259b3",
  "24bc18452f947cbf","957c31bebd9259b3","24bc18452f947cbf","957c31bebd9259b3","24bc18452f947cbf",
  "957c31bebd9259b3","24bc18452f947cbf","957c31bebd9259b3","24bc18452f947cbf","957c31bebd9259b3",
  "24bc18452f947cbf","957c31bebd9259b3","24bc18452f947cbf","b00e2a4f699d1ef4","24bc18452f947cbf",
  "11acafea3b112649","11acafea3b112649","11acafea3b112649","11acafea3b112649",
};

/// One for each seed.
inline constexpr const char* golden_mixtures[] = {
  "e019b9959ebe33f1","1264824f8d0a95e8","c6610a153386409e","1868d41de860b86c","bed90f661b9673a5",
  "8234829957acb385","24ee6110abec48c0","39bd4876c2717a1d","4ef9b65199096239","415adc7f7f2ff8fa",
  "cb15e223db285bc4","d6495635e9c02c46","2b0f8df0f1f09786","2f7ceadf224edcb1","2de90fa315cdb073",
  "c7c5e0f9b4419bda",
};

}  // namespace tidewire::testing
// clang-format on
