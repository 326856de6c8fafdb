// What the programs that time decoders have in common: their options, files in memory, medians, printing.
//
//   PROGRAM [--mode M]… [--repeat N] [--head MB] [--json] FILE…
//   PROGRAM --callgrind [--mode M] FILE          one pass and nothing else
//
// Before anything is timed, all passes over a file must have seen the same values. Figures are medians, per
// second of CPU time: on a shared machine wall time tells of the neighbours. --head: only the records of the
// first megabytes, which fit into the processor's cache, as what comes from a socket does.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

#include "bench/tally.hpp"
#include "core/decode_error.hpp"

namespace tidewire::bench {

/// A pass that finds nothing for it in a file gives an empty tally.
struct mode {
  const char* name;
  tally (*pass)(byte_view);
};

struct program {
  const char* name;
  std::span<const mode> modes;                       // the first two are walk and decode
  byte_view (*head_of)(byte_view, std::size_t max);  // whole records only
};

int run(const program& of, int count, char** words);

[[gnu::cold, noreturn]] inline void give_up(const decode_error& error) {
  std::fprintf(stderr, "%s at byte %zu of a message: %s\n", std::string(to_string(error.code)).c_str(),
               error.offset, error.field);
  std::exit(1);
}

template <class T>
T checked(decoded<T>&& result) {
  if (!result) [[unlikely]]
    give_up(result.error());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

}  // namespace tidewire::bench
