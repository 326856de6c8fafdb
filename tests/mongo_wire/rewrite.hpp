// Writes a document again, element by element, with the typed functions of bson_writer.
#pragma once

#include "mongo_wire/bson_walk.hpp"
#include "mongo_wire/bson_writer.hpp"

namespace tidewire::mongo_wire::testing {

class rewriter {
 public:
  explicit rewriter(std::vector<std::uint8_t>& out) : to_(out) {}

  bool value(const element_view& e, bson_type) {
    switch (e.type) {
      case bson_type::float64: to_.put_double(e.name, *e.as_double()); break;
      case bson_type::string: to_.put_string(e.name, *e.as_string()); break;
      case bson_type::binary: to_.put_binary(e.name, *e.as_binary()); break;
      case bson_type::undefined: to_.put_undefined(e.name); break;
      case bson_type::object_id: to_.put_object_id(e.name, *e.as_object_id()); break;
      case bson_type::boolean: to_.put_bool(e.name, *e.as_bool()); break;
      case bson_type::date_time: to_.put_date_time(e.name, *e.as_date_time()); break;
      case bson_type::null: to_.put_null(e.name); break;
      case bson_type::regex: to_.put_regex(e.name, *e.as_regex()); break;
      case bson_type::db_pointer: to_.put_db_pointer(e.name, *e.as_db_pointer()); break;
      case bson_type::code: to_.put_code(e.name, *e.as_code()); break;
      case bson_type::symbol: to_.put_symbol(e.name, *e.as_symbol()); break;
      case bson_type::int32: to_.put_int32(e.name, *e.as_int32()); break;
      case bson_type::timestamp: to_.put_timestamp(e.name, *e.as_timestamp()); break;
      case bson_type::int64: to_.put_int64(e.name, *e.as_int64()); break;
      case bson_type::decimal128:
        to_.put_decimal128(e.name, load_decimal128(e.as_decimal128()->data()));
        break;
      case bson_type::max_key: to_.put_max_key(e.name); break;
      case bson_type::min_key: to_.put_min_key(e.name); break;
      case bson_type::none:
      case bson_type::document:
      case bson_type::array:
      case bson_type::code_w_scope: return false;
    }
    return to_.ok();
  }

  bool open(const element_view& e, bson_type) {
    if (e.type == bson_type::code_w_scope)
      to_.open_code_w_scope(e.name, *e.as_scoped_code());
    else if (e.type == bson_type::array)
      to_.open_array(e.name);
    else
      to_.open_document(e.name);
    return to_.ok();
  }

  bool close(bson_type) {
    to_.close();
    return to_.ok();
  }

  decode_error error() const { return to_.error(); }
  bool finish() { return to_.finish().has_value(); }

 private:
  bson_writer to_;
};

/// Empty if the document is not well formed or the writer refused something.
inline std::vector<std::uint8_t> rewrite(bson_view document) {
  std::vector<std::uint8_t> out;
  rewriter to(out);
  decoded<void> walked = walk_bson(document, to);
  if (!walked || !to.finish()) out.clear();
  return out;
}

}  // namespace tidewire::mongo_wire::testing
