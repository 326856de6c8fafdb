// What the messages' tests share: a message is a tag byte and its body.
#pragma once

#include "tests/core/codec_case.hpp"

namespace tidewire::pgoutput::testing {

using namespace tidewire::testing;

inline byte_view body_of(const bytes& message) {
  return byte_view(message).subspan(1);
}

/// See check_body_extent.
template <class Decode>
void check_extent(const bytes& message, Decode decode, std::size_t also_good = ~std::size_t{0}) {
  check_body_extent(body_of(message), decode, also_good);
}

}  // namespace tidewire::pgoutput::testing
