// A bounds-checked reader with a sticky error: after the first failure every read gives zero or empty, so a
// decoder reads all fields straight down and asks once, at its edge, whether it worked.
#pragma once

#include "core/bytes.hpp"
#include "core/decode_error.hpp"

namespace tidewire {

/// Reads from memory it does not own; everything it hands out points into that memory.
class cursor {
 public:
  explicit cursor(byte_view bytes)
      : begin_(bytes.data()), at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  template <std::integral T>
  T be(const char* field) {
    if (remaining() < sizeof(T)) [[unlikely]]
      return fail(decode_errc::truncated, field), T{};
    T value = load_be<T>(at_);
    at_ += sizeof(T);
    return value;
  }

  template <std::integral T>
  T le(const char* field) {
    if (remaining() < sizeof(T)) [[unlikely]]
      return fail(decode_errc::truncated, field), T{};
    T value = load_le<T>(at_);
    at_ += sizeof(T);
    return value;
  }

  std::uint8_t u8(const char* field) { return be<std::uint8_t>(field); }

  /// `count` bytes. A caller that took `count` from the wire as a signed number checks its sign first.
  byte_view bytes(std::size_t count, const char* field) {
    if (remaining() < count) [[unlikely]]
      return fail(decode_errc::truncated, field), byte_view{};
    byte_view taken{at_, count};
    at_ += count;
    return taken;
  }

  std::string_view text(std::size_t count, const char* field) { return as_text(bytes(count, field)); }

  /// Text up to a NUL, which is consumed and not part of the result.
  std::string_view cstring(const char* field) {
    const void* nul = remaining() ? std::memchr(at_, 0, remaining()) : nullptr;
    if (!nul) [[unlikely]]
      return fail(decode_errc::unterminated_string, field), std::string_view{};
    auto end = static_cast<const std::uint8_t*>(nul);
    std::string_view taken{reinterpret_cast<const char*>(at_), static_cast<std::size_t>(end - at_)};
    at_ = end + 1;
    return taken;
  }

  /// Everything that is left.
  byte_view rest() {
    byte_view taken{at_, remaining()};
    at_ = end_;
    return taken;
  }

  /// Records an error at the current place, unless there is one already, and lets every further read fail.
  void fail(decode_errc code, const char* field) {
    if (error_.code == decode_errc::none) error_ = {code, offset(), field};
    at_ = end_;
  }

  /// As `fail`, for a fault found in a field that has been read already and began at `offset`.
  void fail_at(std::size_t offset, decode_errc code, const char* field) {
    if (error_.code == decode_errc::none) error_ = {code, offset, field};
    at_ = end_;
  }

  bool ok() const { return error_.code == decode_errc::none; }
  const decode_error& error() const { return error_; }
  std::size_t offset() const { return static_cast<std::size_t>(at_ - begin_); }
  std::size_t remaining() const { return static_cast<std::size_t>(end_ - at_); }

  /// A decoder's last line: the value if all went well and nothing is left over, else the error.
  template <class T>
  decoded<T> finish(T value) {
    if (ok() && remaining() != 0) fail(decode_errc::trailing_bytes, "end of message");
    if (!ok()) return std::unexpected(error_);
    return value;
  }

 private:
  const std::uint8_t* begin_;
  const std::uint8_t* at_;
  const std::uint8_t* end_;
  decode_error error_;
};

}  // namespace tidewire
