// Must be found and must crash: shows that a run of the other targets would report a failure.
#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 2 && data[0] == 'T' && data[1] == 'W' && data[2] == '!') __builtin_trap();
  return 0;
}
