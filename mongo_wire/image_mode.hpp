// The three ways of the set-up page to have whole documents of updates, and none of them.
#pragma once

#include <cstdint>

namespace tidewire::mongo_wire {

/// unset: as --full-document says. off: looked up later by the server. auto_configure, read_only: stored by
/// the server with each update, which is turned on here or must be on.
enum class post_images : std::uint8_t { unset, off, auto_configure, read_only };

}  // namespace tidewire::mongo_wire
