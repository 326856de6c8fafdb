#include "pgoutput/binary_text.hpp"

#include "pgoutput/binary_composite.hpp"

namespace tidewire::pgoutput {

decoded<bool> append_binary_text(std::uint32_t type_oid, byte_view binary, const type_lookup& types,
                                 std::string& out) {
  std::size_t before = out.size();
  cursor in(binary);
  binary::writer writer(types, out, before + max_binary_text_bytes + 16 * binary.size());
  if (!writer.value(in, type_oid)) {
    out.resize(before);
    return false;
  }
  auto done = in.finish(true);
  if (!done) out.resize(before);
  return done;
}

}  // namespace tidewire::pgoutput
