#include "pgoutput/binary_scalar.hpp"

#include "pgoutput/binary_extension.hpp"
#include "pgoutput/binary_geometry.hpp"
#include "pgoutput/binary_number.hpp"
#include "pgoutput/binary_plain.hpp"
#include "pgoutput/binary_search.hpp"
#include "pgoutput/binary_time.hpp"

namespace tidewire::pgoutput::binary {

scalar_writer scalar_writer_of(binary_form form) {
  switch (form) {
    case binary_form::boolean: return append_boolean;
    case binary_form::int2: return append_int2;
    case binary_form::int4: return append_int4;
    case binary_form::int8: return append_int8;
    case binary_form::uint4: return append_uint4;
    case binary_form::uint8: return append_uint8;
    case binary_form::float4: return append_float4;
    case binary_form::float8: return append_float8;
    case binary_form::money: return append_money;
    case binary_form::numeric: return append_numeric;
    case binary_form::text: return append_text;
    case binary_form::versioned_text: return append_versioned_text;
    case binary_form::character: return append_character;
    case binary_form::bytea: return append_bytea;
    case binary_form::hex_text: return append_hex_text;
    case binary_form::uuid: return append_uuid;
    case binary_form::bits: return append_bits;
    case binary_form::date: return append_date;
    case binary_form::time: return append_time;
    case binary_form::time_tz: return append_time_tz;
    case binary_form::timestamp: return append_timestamp;
    case binary_form::timestamp_tz: return append_timestamp_tz;
    case binary_form::interval: return append_interval;
    case binary_form::inet: return append_inet;
    case binary_form::cidr: return append_cidr;
    case binary_form::macaddr: return append_macaddr;
    case binary_form::macaddr8: return append_macaddr8;
    case binary_form::lsn: return append_lsn;
    case binary_form::tid: return append_tid;
    case binary_form::snapshot: return append_snapshot;
    case binary_form::point: return append_point;
    case binary_form::line: return append_line;
    case binary_form::lseg: return append_lseg;
    case binary_form::box: return append_box;
    case binary_form::path: return append_path;
    case binary_form::polygon: return append_polygon;
    case binary_form::circle: return append_circle;
    case binary_form::tsvector: return append_tsvector;
    case binary_form::tsquery: return append_tsquery;
    case binary_form::hstore: return append_hstore;
    case binary_form::cube: return append_cube;
    case binary_form::vector: return append_vector;
    case binary_form::halfvec: return append_halfvec;
    case binary_form::sparsevec: return append_sparsevec;
    case binary_form::none:
    case binary_form::domain:
    case binary_form::array:
    case binary_form::plain_array:
    case binary_form::range:
    case binary_form::multirange:
    case binary_form::composite: break;
  }
  return nullptr;
}

}  // namespace tidewire::pgoutput::binary
