// Transaction_payload: a whole transaction's events, compressed into one (binlog_transaction_compression).
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "binlog/event_framer.hpp"
#include "binlog/lenenc.hpp"

namespace tidewire::binlog {

enum class payload_compression : std::uint8_t { zstd = 0, none = 255 };

/// Borrows.
struct transaction_payload_view {
  payload_compression compression = payload_compression::none;
  std::uint64_t plain_size = 0;  // as the server tells it; the payload's own size if it does not
  byte_view payload;
  std::size_t payload_at = 0;
};

/// Unknown fields are passed over, as the format intends; an unknown compression is unsupported.
inline decoded<transaction_payload_view> decode_transaction_payload(const event_view& event) {
  cursor in = detail::body_of(event, event_type::transaction_payload);
  transaction_payload_view m;
  std::optional<std::uint64_t> size, plain_size;
  std::size_t size_at = 0;
  for (;;) {
    std::uint64_t type = detail::take_lenenc(in, "field type");
    if (!in.ok() || type == 0) break;
    std::size_t length_at = in.offset();
    std::uint64_t length = detail::take_lenenc(in, "field length");
    if (length > in.remaining()) {
      in.fail_at(length_at, decode_errc::truncated, "field length");
      break;
    }
    std::size_t value_at = in.offset();
    std::size_t end = value_at + static_cast<std::size_t>(length);
    if (type == 1) {
      size_at = value_at;
      size = detail::take_lenenc(in, "payload size");
    } else if (type == 2) {
      std::uint64_t compression = detail::take_lenenc(in, "compression type");
      if (in.ok() && compression != 0 && compression != 255)
        in.fail_at(value_at, decode_errc::unsupported, "compression type");
      m.compression = static_cast<payload_compression>(compression);
    } else if (type == 3) {
      plain_size = detail::take_lenenc(in, "uncompressed size");
    } else {
      in.bytes(static_cast<std::size_t>(length), "field");
    }
    if (in.ok() && in.offset() != end) in.fail_at(length_at, decode_errc::bad_length, "field length");
  }
  if (in.ok() && size && *size != in.remaining())
    in.fail_at(size_at, decode_errc::bad_length, "payload size");
  m.payload_at = in.offset();
  if (in.ok()) m.payload = in.rest();
  m.plain_size = plain_size.value_or(m.payload.size());
  return in.finish(m);
}

inline void encode_transaction_payload(encoder& out, const transaction_payload_view& m) {
  auto field = [&](std::uint8_t type, std::uint64_t value) {
    std::vector<std::uint8_t> coded;
    encoder to(coded);
    detail::put_lenenc(to, value);
    out.u8(type);
    detail::put_lenenc_bytes(out, coded);
  };
  field(2, static_cast<std::uint8_t>(m.compression));
  if (m.compression != payload_compression::none) field(3, m.plain_size);
  field(1, m.payload.size());
  out.u8(0);
  out.bytes(m.payload);
}

/// Hands out a payload's events while it decompresses them: never more than one is in memory, whatever the
/// transaction's size. (A kilobyte can hold megabytes.)
class payload_reader {
 public:
  struct limits {
    std::uint32_t event_bytes = max_event_bytes;
    std::uint64_t plain_bytes = std::uint64_t{1} << 40;  // of one payload
  };

  payload_reader();
  explicit payload_reader(limits bounds);
  ~payload_reader();
  payload_reader(payload_reader&&) noexcept;
  payload_reader& operator=(payload_reader&&) noexcept;

  /// Begins with another payload, which must live as long as it is read.
  decoded<void> begin(const transaction_payload_view& payload);

  /// The next event, valid until the next call; nothing at the payload's end. Its offsets count from the
  /// inner event's start. Errors, besides those of event_framer: bad_value (damaged data), truncated (an
  /// event is cut off at the end), bad_length (another size than promised), bad_state (an event that can't be
  /// in a transaction), limit_exceeded.
  decoded<std::optional<event_view>> next();

  /// How far into the plain bytes the events that were handed out reach.
  std::uint64_t offset() const { return handed_out_; }

 private:
  struct stream;

  /// Makes at least `wanted` bytes available from read_ on. False if the payload ends before or is damaged.
  bool fill(std::size_t wanted);
  decoded<std::optional<event_view>> fail(decode_errc code, std::size_t offset, const char* field);

  limits bounds_;
  event_framer framer_;
  std::unique_ptr<stream> stream_;
  transaction_payload_view payload_;
  std::size_t taken_ = 0;  // of the payload
  std::vector<std::uint8_t> plain_;
  std::size_t read_ = 0;    // of plain_, handed out
  std::size_t filled_ = 0;  // of plain_
  std::uint64_t handed_out_ = 0;
  std::uint64_t produced_ = 0;
  bool frame_done_ = true;
  decode_error error_;
};

}  // namespace tidewire::binlog
