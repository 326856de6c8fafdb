// G H W d c f: bulk data in either direction. The body of CopyData is whatever is being copied.
#pragma once

#include "wire/fields.hpp"

namespace tidewire::wire {

/// Borrows. CopyInResponse, CopyOutResponse and CopyBothResponse.
struct copy_response_view {
  std::uint8_t overall_format = 0;  // 0: lines of text, 1: binary
  format_list formats;              // one per column
};

inline decoded<copy_response_view> decode_copy_response(byte_view body) {
  cursor in(body);
  copy_response_view m;
  m.overall_format = in.u8("overall format");
  if (m.overall_format > 1) in.fail_at(0, decode_errc::bad_value, "overall format");
  m.formats = detail::decode_integers<std::int16_t>(in, "column count", "column formats");
  return in.finish(m);
}

/// `tag` is copy_in_response, copy_out_response or copy_both_response.
inline void encode_copy_response(encoder& out, backend_tag tag, std::uint8_t overall_format,
                                 std::span<const std::int16_t> formats) {
  std::size_t mark = open_frame(out, tag);
  out.u8(overall_format);
  detail::encode_integers(out, formats, "column count");
  out.close_be32(mark);
}

/// The same bytes in both directions, as is CopyDone.
inline void encode_copy_data(encoder& out, byte_view data) {
  std::size_t mark = open_frame(out, frontend_tag::copy_data);
  out.bytes(data);
  out.close_be32(mark);
}

inline void encode_copy_done(encoder& out) {
  encode_empty(out, frontend_tag::copy_done);
}

/// Borrows. The client gives up a CopyIn.
struct copy_fail_view {
  std::string_view reason;
};

inline decoded<copy_fail_view> decode_copy_fail(byte_view body) {
  cursor in(body);
  copy_fail_view m;
  m.reason = in.cstring("reason");
  return in.finish(m);
}

inline void encode_copy_fail(encoder& out, std::string_view reason) {
  std::size_t mark = open_frame(out, frontend_tag::copy_fail);
  out.cstring(reason, "reason");
  out.close_be32(mark);
}

}  // namespace tidewire::wire
