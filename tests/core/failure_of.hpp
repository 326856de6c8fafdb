// The failure that something throws.
#pragma once

#include <catch2/catch_test_macros.hpp>

#include "core/failure.hpp"

namespace tidewire::testing {

template <class Run>
failure failure_of(Run run) {
  try {
    run();
  } catch (const failure& f) {
    return f;
  }
  FAIL("nothing was thrown");
  throw;
}

}  // namespace tidewire::testing
