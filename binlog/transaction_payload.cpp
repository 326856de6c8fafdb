#include "binlog/transaction_payload.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <zstd.h>

namespace tidewire::binlog {

struct payload_reader::stream {
  ZSTD_DStream* context = ZSTD_createDStream();

  stream() {
    if (!context) throw std::bad_alloc();
    // What the server's own decompressor takes; it bounds the memory that a payload can ask for.
    ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, 27);
  }
  ~stream() { ZSTD_freeDStream(context); }
  stream(const stream&) = delete;
  stream& operator=(const stream&) = delete;
};

payload_reader::payload_reader() = default;
payload_reader::payload_reader(limits bounds) : bounds_(bounds) {}
payload_reader::~payload_reader() = default;
payload_reader::payload_reader(payload_reader&&) noexcept = default;
payload_reader& payload_reader::operator=(payload_reader&&) noexcept = default;

decoded<void> payload_reader::begin(const transaction_payload_view& payload) {
  constexpr std::size_t kept_bytes = std::size_t{16} << 20;
  if (plain_.size() > kept_bytes) plain_ = {};  // after an unusually large event
  payload_ = payload;
  taken_ = 0;
  read_ = 0;
  filled_ = 0;
  handed_out_ = 0;
  produced_ = 0;
  frame_done_ = true;
  error_ = {};
  if (payload.plain_size > bounds_.plain_bytes) {
    error_ = {decode_errc::limit_exceeded, payload.payload_at, "uncompressed size"};
    return std::unexpected(error_);
  }
  if (payload.compression == payload_compression::zstd) {
    if (!stream_) stream_ = std::make_unique<stream>();
    ZSTD_DCtx_reset(stream_->context, ZSTD_reset_session_only);
  }
  return {};
}

decoded<std::optional<event_view>> payload_reader::fail(decode_errc code, std::size_t offset,
                                                        const char* field) {
  error_ = {code, offset, field};
  return std::unexpected(error_);
}

bool payload_reader::fill(std::size_t wanted) {
  constexpr std::size_t least_room = std::size_t{64} << 10;
  while (filled_ - read_ < wanted) {
    if (taken_ == payload_.payload.size() && frame_done_) return false;
    if (read_ && plain_.size() - filled_ < least_room + event_padding) {
      std::memmove(plain_.data(), plain_.data() + read_, filled_ - read_);
      filled_ -= read_;
      read_ = 0;
    }
    // Grows with what has really come, not with what an event's header promises.
    if (plain_.size() - filled_ < least_room + event_padding)
      plain_.resize(std::max(2 * filled_, 4 * least_room));
    ZSTD_inBuffer in{payload_.payload.data(), payload_.payload.size(), taken_};
    ZSTD_outBuffer out{plain_.data(), plain_.size() - event_padding, filled_};
    std::size_t result = ZSTD_decompressStream(stream_->context, &out, &in);
    bool moved = in.pos != taken_ || out.pos != filled_;
    if (ZSTD_isError(result) || (!moved && in.pos == in.size)) {
      error_ = {ZSTD_isError(result) ? decode_errc::bad_value : decode_errc::truncated,
                payload_.payload_at + in.pos, "zstd data"};
      return false;
    }
    produced_ += out.pos - filled_;
    taken_ = in.pos;
    filled_ = out.pos;
    frame_done_ = result == 0;
    if (produced_ > payload_.plain_size) {
      error_ = {decode_errc::bad_length, payload_.payload_at, "uncompressed size"};
      return false;
    }
  }
  return true;
}

decoded<std::optional<event_view>> payload_reader::next() {
  if (error_.code != decode_errc::none) return std::unexpected(error_);
  byte_view bytes;
  if (payload_.compression == payload_compression::none) {
    byte_view left = payload_.payload.subspan(taken_);
    if (left.empty()) return std::nullopt;
    if (left.size() < header_bytes) return fail(decode_errc::truncated, 0, "event header");
    auto size = load_le<std::uint32_t>(left.data() + 9);
    if (size < header_bytes) return fail(decode_errc::bad_length, 9, "event size");
    if (size > bounds_.event_bytes) return fail(decode_errc::limit_exceeded, 9, "event size");
    if (size > left.size()) return fail(decode_errc::truncated, 9, "event size");
    bytes = left.first(size);
    taken_ += size;
  } else {
    if (!fill(header_bytes)) {
      if (error_.code != decode_errc::none) return std::unexpected(error_);
      if (filled_ != read_) return fail(decode_errc::truncated, 0, "event header");
      if (produced_ != payload_.plain_size)
        return fail(decode_errc::bad_length, payload_.payload_at, "uncompressed size");
      return std::nullopt;
    }
    auto size = load_le<std::uint32_t>(plain_.data() + read_ + 9);
    if (size < header_bytes) return fail(decode_errc::bad_length, 9, "event size");
    if (size > bounds_.event_bytes) return fail(decode_errc::limit_exceeded, 9, "event size");
    if (!fill(size)) {
      if (error_.code != decode_errc::none) return std::unexpected(error_);
      return fail(decode_errc::truncated, 9, "event size");
    }
    bytes = byte_view(plain_).subspan(read_, size);
    read_ += size;
  }
  handed_out_ += bytes.size();
  auto event = framer_.accept_inner(bytes);
  if (!event) {
    error_ = event.error();
    return std::unexpected(error_);
  }
  switch (event->header.type) {
    case event_type::format_description:
    case event_type::rotate:
    case event_type::stop:
    case event_type::previous_gtids:
    case event_type::gtid:
    case event_type::gtid_tagged:
    case event_type::anonymous_gtid:
    case event_type::transaction_payload: return fail(decode_errc::bad_state, 4, name_of(event->header.type));
    default: return *event;
  }
}

}  // namespace tidewire::binlog
