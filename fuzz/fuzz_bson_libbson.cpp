// Any bytes as BSON, beside libbson, MongoDB's own C library: it finds the same elements with the same
// values, refuses what we refuse (but for what we check and it does not), and its canonical JSON says the
// same as ours.
#include <bson/bson.h>
#include <cstdint>
#include <string>
#include <vector>

#include "mongo_wire/bson_walk.hpp"
#include "mongo_wire/decimal128.hpp"
#include "mongo_wire/extended_json.hpp"
#include "mongo_wire/extended_json_reader.hpp"

using namespace tidewire;
using namespace tidewire::mongo_wire;

namespace {

void require(bool holds) {
  if (!holds) __builtin_trap();
}

/// What was seen, in a form that both can write: type, name, value.
class recording {
 public:
  void element(int type, std::string_view name) {
    number(type);
    bytes(name);
  }
  void close() { number(-1); }
  void bytes(std::string_view text) {
    number(static_cast<std::int64_t>(text.size()));
    text_ += text;
  }
  void bytes(const std::uint8_t* data, std::size_t size) { bytes(as_text({data, size})); }
  void number(std::int64_t value) { text_.append(reinterpret_cast<const char*>(&value), sizeof value); }
  bool operator==(const recording&) const = default;

 private:
  std::string text_;
};

struct our_visitor {
  recording seen;
  bool same_json = true;  // nothing in it that libbson writes in another way

  bool value(const element_view& e, bson_type) {
    seen.element(static_cast<std::uint8_t>(e.type), e.name);
    switch (e.type) {
      case bson_type::float64: seen.number(std::bit_cast<std::int64_t>(*e.as_double())); break;
      case bson_type::string: seen.bytes(*e.as_string()); break;
      case bson_type::symbol: seen.bytes(*e.as_symbol()); break;
      case bson_type::code: seen.bytes(*e.as_code()); break;
      case bson_type::binary: {
        binary_view of = *e.as_binary();
        seen.number(of.subtype);
        seen.bytes(of.data.data(), of.data.size());
        break;
      }
      case bson_type::object_id: seen.bytes(e.data(), object_id_bytes); break;
      case bson_type::boolean: seen.number(*e.as_bool()); break;
      case bson_type::date_time: seen.number(*e.as_date_time()); break;
      case bson_type::regex: {
        same_json = false;  // of options it keeps those it knows
        regex_view of = *e.as_regex();
        seen.bytes(of.pattern);
        seen.bytes(of.options);
        break;
      }
      case bson_type::db_pointer: {
        db_pointer_view of = *e.as_db_pointer();
        seen.bytes(of.ns);
        seen.bytes(of.id.data(), of.id.size());
        break;
      }
      case bson_type::int32: seen.number(*e.as_int32()); break;
      case bson_type::int64: seen.number(*e.as_int64()); break;
      case bson_type::timestamp:
        seen.number(e.as_timestamp()->time), seen.number(e.as_timestamp()->increment);
        break;
      case bson_type::decimal128: {
        // More than 34 digits stand for zero, which it does not know.
        constexpr std::uint64_t digits_mask = 0x1'ffff'ffff'ffff,
                                ten_to_34 = 0x1'ed09'bead'87c0;  // high halves
        if ((load_le<std::uint64_t>(e.data() + 8) & digits_mask) >= ten_to_34) same_json = false;
        seen.bytes(e.data(), decimal128_bytes);
        break;
      }
      default: break;
    }
    return true;
  }
  bool open(const element_view& e, bson_type) {
    seen.element(static_cast<std::uint8_t>(e.type), e.name);
    if (auto code = e.as_scoped_code()) seen.bytes(*code);
    return true;
  }
  bool close(bson_type) { return seen.close(), true; }
  decode_error error() const { return {}; }
};

/// False: something in it is not well formed.
bool read_theirs(bson_iter_t& iter, recording& seen, int depth);

bool read_inside(const std::uint8_t* data, std::uint32_t size, recording& seen, int depth) {
  bson_t document;
  bson_iter_t iter;
  if (!bson_init_static(&document, data, size) || !bson_iter_init(&iter, &document)) return false;
  bool good = read_theirs(iter, seen, depth + 1);
  seen.close();
  return good;
}

bool their_value(bson_iter_t& iter, recording& seen, int depth) {
  std::uint32_t size = 0, more = 0;
  const std::uint8_t* data = nullptr;
  const char* text = nullptr;
  switch (bson_iter_type(&iter)) {
    case BSON_TYPE_DOUBLE: seen.number(std::bit_cast<std::int64_t>(bson_iter_double(&iter))); break;
    case BSON_TYPE_UTF8: text = bson_iter_utf8(&iter, &size), seen.bytes({text, size}); break;
    case BSON_TYPE_SYMBOL: text = bson_iter_symbol(&iter, &size), seen.bytes({text, size}); break;
    case BSON_TYPE_CODE: text = bson_iter_code(&iter, &size), seen.bytes({text, size}); break;
    case BSON_TYPE_DOCUMENT:
      bson_iter_document(&iter, &size, &data);
      return read_inside(data, size, seen, depth);
    case BSON_TYPE_ARRAY: bson_iter_array(&iter, &size, &data); return read_inside(data, size, seen, depth);
    case BSON_TYPE_BINARY: {
      bson_subtype_t subtype{};
      bson_iter_binary(&iter, &subtype, &size, &data);
      seen.number(subtype);
      seen.bytes(data, size);
      break;
    }
    case BSON_TYPE_OID: seen.bytes(bson_iter_oid(&iter)->bytes, object_id_bytes); break;
    case BSON_TYPE_BOOL: seen.number(bson_iter_bool(&iter)); break;
    case BSON_TYPE_DATE_TIME: seen.number(bson_iter_date_time(&iter)); break;
    case BSON_TYPE_REGEX: {
      const char* options = nullptr;
      text = bson_iter_regex(&iter, &options);
      seen.bytes(text);
      seen.bytes(options);
      break;
    }
    case BSON_TYPE_DBPOINTER: {
      const bson_oid_t* id = nullptr;
      bson_iter_dbpointer(&iter, &size, &text, &id);
      seen.bytes({text, size});
      seen.bytes(id->bytes, object_id_bytes);
      break;
    }
    case BSON_TYPE_CODEWSCOPE:
      text = bson_iter_codewscope(&iter, &size, &more, &data);
      seen.bytes({text, size});
      return read_inside(data, more, seen, depth);
    case BSON_TYPE_INT32: seen.number(bson_iter_int32(&iter)); break;
    case BSON_TYPE_INT64: seen.number(bson_iter_int64(&iter)); break;
    case BSON_TYPE_TIMESTAMP:
      bson_iter_timestamp(&iter, &size, &more), seen.number(size), seen.number(more);
      break;
    case BSON_TYPE_DECIMAL128: seen.bytes(iter.raw + iter.d1, decimal128_bytes); break;
    default: break;
  }
  return true;
}

bool read_theirs(bson_iter_t& iter, recording& seen, int depth) {
  if (depth > static_cast<int>(default_max_depth)) return false;
  while (bson_iter_next(&iter)) {
    seen.element(bson_iter_type(&iter), {bson_iter_key(&iter), bson_iter_key_len(&iter)});
    if (!their_value(iter, seen, depth)) return false;
  }
  return iter.err_off == 0;
}

/// What a canonical text reads to; nothing for one that is none.
std::vector<std::uint8_t> read_again(std::string_view json) {
  std::vector<std::uint8_t> bytes;
  if (!parse_extended_json(json, bytes)) bytes.clear();
  return bytes;
}

void compare_json(bson_view document, const bson_t& theirs) {
  json::buffer ours;
  if (!put_extended_json(ours, document, {extended_form::canonical})) return;
  std::size_t length = 0;
  char* text = bson_as_canonical_extended_json(&theirs, &length);
  if (!text) return;
  std::vector<std::uint8_t> a = read_again(ours.view()), b = read_again({text, length});
  bson_free(text);
  require(a == b);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;  // libbson wants a place
  std::vector<std::uint8_t> exact(data, data + size);
  recording theirs;
  bson_t document;
  bson_iter_t iter;
  bool they_take = bson_init_static(&document, exact.data(), exact.size()) &&
                   bson_iter_init(&iter, &document) && read_theirs(iter, theirs, 1);
  auto taken = validate_document(exact, {.utf8 = false});
  if (!taken) {
    // It passes over how the code of a code_w_scope ends.
    require(!they_take || taken.error().field == std::string_view("code end"));
    return 0;
  }
  our_visitor ours;
  require(walk_bson(*taken, ours).has_value());
  require(they_take && ours.seen == theirs);
  if (ours.same_json) compare_json(*taken, document);
  return 0;
}
