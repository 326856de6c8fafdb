// What writes the text of each form that holds no values of other types.
#pragma once

#include <string>

#include "core/cursor.hpp"
#include "pgoutput/binary_form.hpp"

namespace tidewire::pgoutput::binary {

using scalar_writer = void (*)(cursor& in, std::string& out);

/// Null for forms that have other values in them, and for `none`.
scalar_writer scalar_writer_of(binary_form form);

}  // namespace tidewire::pgoutput::binary
