// Writes fields into a growing buffer. The one error an encoder can meet, a text with a NUL where the
// protocol ends strings by NUL (or a part too long for its length field), is sticky like the cursor's.
#pragma once

#include <limits>
#include <vector>

#include "core/bytes.hpp"
#include "core/decode_error.hpp"

namespace tidewire {

class encoder {
 public:
  explicit encoder(std::vector<std::uint8_t>& out) : out_(out) {}

  template <std::integral T>
  void be(T value) {
    auto at = grow(sizeof value);
    store_be(out_.data() + at, value);
  }

  template <std::integral T>
  void le(T value) {
    auto at = grow(sizeof value);
    store_le(out_.data() + at, value);
  }

  void u8(std::uint8_t value) { out_.push_back(value); }
  void bytes(byte_view data) { out_.insert(out_.end(), data.begin(), data.end()); }
  void text(std::string_view data) { bytes(as_bytes(data)); }

  void cstring(std::string_view data, const char* field) {
    if (data.find('\0') != data.npos) fail(decode_errc::bad_value, field);
    text(data);
    u8(0);
  }

  /// Leaves room for a 32-bit big-endian length; `close_be32` fills it in.
  std::size_t open_be32() { return grow(4); }

  /// Writes the number of bytes since `mark`, the length field itself included, as the Postgres protocol
  /// counts.
  void close_be32(std::size_t mark) {
    std::size_t length = out_.size() - mark;
    if (length > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()))
      fail(decode_errc::limit_exceeded, "length");
    store_be(out_.data() + mark, static_cast<std::uint32_t>(length));
  }

  void fail(decode_errc code, const char* field) {
    if (error_.code == decode_errc::none) error_ = {code, out_.size(), field};
  }

  bool ok() const { return error_.code == decode_errc::none; }
  const decode_error& error() const { return error_; }
  std::size_t size() const { return out_.size(); }

 private:
  std::size_t grow(std::size_t count) {
    std::size_t at = out_.size();
    out_.resize(at + count);
    return at;
  }

  std::vector<std::uint8_t>& out_;
  decode_error error_;
};

}  // namespace tidewire
