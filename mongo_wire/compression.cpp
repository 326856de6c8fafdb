#include "mongo_wire/compression.hpp"

#include <new>
#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

namespace tidewire::mongo_wire {
namespace {

/// Where the compressed data begins in the message, for errors.
constexpr std::size_t data_at = message_header_bytes + 9;
constexpr std::size_t size_at = message_header_bytes + 4;

std::unexpected<decode_error> bad_data(const char* field) {
  return std::unexpected(decode_error{decode_errc::bad_value, data_at, field});
}

std::unexpected<decode_error> bad_size() {
  return std::unexpected(decode_error{decode_errc::bad_length, size_at, "uncompressed size"});
}

char* text_at(std::uint8_t* at) {
  return reinterpret_cast<char*>(at);
}

}  // namespace

struct decompressor::states {
  z_stream inflating{};
  bool inflate_ready = false;
  ZSTD_DCtx* zstd = nullptr;

  ~states() {
    if (inflate_ready) inflateEnd(&inflating);
    ZSTD_freeDCtx(zstd);
  }

  decoded<void> from_zlib(byte_view in, std::uint8_t* out, std::size_t size) {
    if (!inflate_ready) {
      if (inflateInit(&inflating) != Z_OK) throw std::bad_alloc();
      inflate_ready = true;
    } else {
      inflateReset(&inflating);
    }
    // Sizes are those of messages, far below 4 GiB. A place for one byte more tells data that goes on.
    std::uint8_t beyond = 0;
    inflating.next_in = const_cast<std::uint8_t*>(in.data());
    inflating.avail_in = static_cast<uInt>(in.size());
    inflating.next_out = size != 0 ? out : &beyond;
    inflating.avail_out = static_cast<uInt>(size != 0 ? size : 1);
    int result = inflate(&inflating, Z_FINISH);
    if (result == Z_BUF_ERROR && inflating.avail_out == 0) {
      inflating.next_out = &beyond;
      inflating.avail_out = 1;
      result = inflate(&inflating, Z_FINISH);
    }
    if (inflating.total_out > size) return bad_size();
    if (result != Z_STREAM_END || inflating.avail_in != 0) return bad_data("zlib data");
    if (inflating.total_out != size) return bad_size();
    return {};
  }

  decoded<void> from_zstd(byte_view in, std::uint8_t* out, std::size_t size) {
    if (!zstd) zstd = ZSTD_createDCtx();
    if (!zstd) throw std::bad_alloc();
    std::size_t got = ZSTD_decompressDCtx(zstd, out, size, in.data(), in.size());
    if (ZSTD_isError(got)) {
      if (ZSTD_getErrorCode(got) == ZSTD_error_dstSize_tooSmall) return bad_size();
      return bad_data("zstd data");
    }
    if (got != size) return bad_size();
    return {};
  }

  static decoded<void> from_snappy(byte_view in, std::uint8_t* out, std::size_t size) {
    std::size_t stated = 0;
    const char* text = as_text(in).data();
    if (snappy_uncompressed_length(text, in.size(), &stated) != SNAPPY_OK) return bad_data("snappy data");
    if (stated != size) return bad_size();
    if (snappy_uncompress(text, in.size(), text_at(out), &stated) != SNAPPY_OK)
      return bad_data("snappy data");
    return {};
  }
};

decompressor::decompressor() : states_(std::make_unique<states>()) {}
decompressor::~decompressor() = default;

decoded<byte_view> decompressor::unwrap(const op_compressed_view& message) {
  std::size_t size = message.uncompressed_bytes;
  // What can't be true costs no memory: DEFLATE and snappy have a best ratio, zstd has none.
  constexpr std::size_t best_zlib = 1032, best_snappy = 64;
  if (message.id == compressor::zlib && size / best_zlib > message.data.size()) return bad_size();
  if (message.id == compressor::snappy && size / best_snappy > message.data.size()) return bad_size();
  if (message.id == compressor::noop && size != message.data.size()) return bad_size();
  out_.clear();
  open_message(out_, message.original, message.header.request_id, message.header.response_to);
  out_.resize(message_header_bytes + size);
  store_le(out_.data(), static_cast<std::uint32_t>(out_.size()));
  std::uint8_t* to = out_.data() + message_header_bytes;
  decoded<void> done;
  switch (message.id) {
    case compressor::noop:
      if (size != 0) std::memcpy(to, message.data.data(), size);
      break;
    case compressor::snappy: done = states::from_snappy(message.data, to, size); break;
    case compressor::zlib: done = states_->from_zlib(message.data, to, size); break;
    case compressor::zstd: done = states_->from_zstd(message.data, to, size); break;
  }
  if (!done) return std::unexpected(done.error());
  return byte_view(out_);
}

decoded<std::size_t> compress_message(std::vector<std::uint8_t>& out, byte_view frame, compressor id,
                                      int zlib_level) {
  decoded<message_view> original = split_message(frame);
  if (!original) return std::unexpected(original.error());
  byte_view body = original->body();
  std::vector<std::uint8_t> data;
  std::size_t size = 0;
  bool done = false;
  switch (id) {
    case compressor::noop:
      data.assign(body.begin(), body.end());
      size = data.size();
      done = true;
      break;
    case compressor::snappy:
      size = snappy_max_compressed_length(body.size());
      data.resize(size);
      done = snappy_compress(as_text(body).data(), body.size(), text_at(data.data()), &size) == SNAPPY_OK;
      break;
    case compressor::zlib: {
      uLongf length = compressBound(body.size());
      data.resize(length);
      done = compress2(data.data(), &length, body.data(), body.size(), zlib_level) == Z_OK;
      size = length;
      break;
    }
    case compressor::zstd:
      data.resize(ZSTD_compressBound(body.size()));
      size = ZSTD_compress(data.data(), data.size(), body.data(), body.size(), 3);
      done = !ZSTD_isError(size);
      break;
  }
  if (!done) return std::unexpected(decode_error{decode_errc::bad_value, 0, "compressor"});
  return encode_op_compressed(out, original->header, static_cast<std::uint32_t>(body.size()), id,
                              byte_view(data).first(size));
}

}  // namespace tidewire::mongo_wire
