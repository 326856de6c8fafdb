#include "mongo_wire/extended_json.hpp"

#include <algorithm>
#include <string>

#include "mongo_wire/base64.hpp"
#include "mongo_wire/bson_walk.hpp"
#include "mongo_wire/decimal128.hpp"
#include "mongo_wire/json_value.hpp"

namespace tidewire::mongo_wire {
namespace {

/// Names and texts up to this need no room of their own, and no loop.
constexpr std::size_t short_name = 16, short_text = 32;
/// Room for everything an element needs beside longer texts and binary data.
constexpr std::size_t fixed_room = 256;
/// Longer texts are written in pieces: room is asked for as if all of a piece had to be escaped.
constexpr std::size_t piece_bytes = 2048;
constexpr std::int64_t last_relaxed_ms = 253'402'300'799'999;  // of the year 9999

template <extended_form form>
class writer {
 public:
  static constexpr bool canonical = form == extended_form::canonical;

  writer(json::buffer& out, const extended_json_options& options) : out_(out), options_(options) {}

  const decode_error& error() const { return error_; }

  // Every value ends with a comma, which the closing bracket takes back. What is called and not made part of
  // the walk gets a copy of the element: who has no address can stay in registers.

  [[gnu::always_inline]] bool value(const element_view& element, bson_type inside) {
    char* at = head(element, inside);
    if (!at) [[unlikely]]
      return false;
    const std::uint8_t* data = element.data();
    switch (element.type) {
      case bson_type::string: {
        std::size_t size = element.size - 5;
        char* end = size <= short_text ? plain_text(at, element, 4, size) : nullptr;
        at = end ? end : text(at, element, 4, size, "string");
        if (!at) [[unlikely]]
          return false;
        break;
      }
      case bson_type::int32: {
        auto number = load_le<std::int32_t>(data);
        if constexpr (canonical) at = put_literal(at, R"({"$numberInt":")");
        at = put_integer(at, number);
        if constexpr (canonical) at = put_literal(at, "\"}");
        break;
      }
      case bson_type::int64: {
        if constexpr (canonical) at = put_literal(at, R"({"$numberLong":")");
        at = put_integer(at, load_le<std::int64_t>(data));
        if constexpr (canonical) at = put_literal(at, "\"}");
        break;
      }
      case bson_type::float64: at = float64(at, std::bit_cast<double>(load_le<std::uint64_t>(data))); break;
      case bson_type::object_id: at = object_id(at, data); break;
      case bson_type::boolean: at = *data ? put_literal(at, "true") : put_literal(at, "false"); break;
      case bson_type::null: at = put_literal(at, "null"); break;
      case bson_type::date_time: at = date_time(at, load_le<std::int64_t>(data)); break;
      default:
        at = rare_value(at, element);
        if (!at) return false;
    }
    *at++ = ',';
    out_.end(at);
    return true;
  }

  [[gnu::always_inline]] bool open(const element_view& element, bson_type inside) {
    char* at = head(element, inside);
    if (!at) [[unlikely]]
      return false;
    if (element.type == bson_type::code_w_scope) [[unlikely]] {
      at = put_literal(at, R"({"$code":)");
      at = text(at, element, 8, load_le<std::uint32_t>(element.data() + 4) - 1, "code");
      if (!at) return false;
      at = put_literal(at, R"(,"$scope":{)");
    } else {
      *at++ = element.type == bson_type::array ? '[' : '{';
    }
    out_.end(at);
    return true;
  }

  bool close(bson_type type) {
    char* at = out_.room(4);
    at -= at[-1] == ',';
    *at++ = type == bson_type::array ? ']' : '}';
    if (type == bson_type::code_w_scope) *at++ = '}';
    *at++ = ',';
    out_.end(at);
    return true;
  }

  /// Of the outermost document.
  void begin(bson_type type) {
    char* at = out_.room(1);
    *at++ = type == bson_type::array ? '[' : '{';
    out_.end(at);
  }
  void end(bson_type type) {
    close(type);
    drop_comma();
  }
  void drop_comma() { out_.truncate(out_.size() - 1); }

 private:
  /// Room for the element without its longer texts, and its name.
  [[gnu::always_inline]] char* head(const element_view& element, bson_type inside) {
    char* at = out_.room(fixed_room);
    if (inside == bson_type::array) return at;
    const char* name = element.name.data();
    std::size_t size = element.name.size();
    if (size > short_name || readable_end(element) - name < 16 || json::plain_length(name) < size)
        [[unlikely]]
      return long_name(element);
    *at++ = '"';
    std::memcpy(at, name, 16);
    return put_literal(at + size, "\":");
  }

  [[gnu::noinline]] char* long_name(element_view element) {
    const char* name = element.name.data();
    const char* name_end = name + element.name.size();
    if (element.name.size() > piece_bytes || readable_end(element) - name_end < 16) return rare_name(element);
    char* at = out_.room(fixed_room + json::worst_growth * element.name.size());
    *at = '"';
    at = json::put_escaped(at + 1, name, name_end);
    if (!at) return rare_name(element);
    return put_literal(at, "\":");
  }

  [[gnu::noinline]] char* rare_name(const element_view& element) {
    std::size_t begin = out_.size();
    char* at = out_.room(1);
    *at++ = '"';
    at = pieces(at, element, element.name_offset(), element.name.size());
    if (!at) {
      if (!hex_instead(element, element.name_offset(), element.name.size(), "element name")) return nullptr;
      out_.truncate(begin);
      at = put_literal(out_.room(2 * element.name.size() + fixed_room), "\"hex:");
      at = put_hex(at, element.outer + element.name_offset(), element.name.size());
    }
    at = put_literal(ensure(at, fixed_room), "\":");
    return at;
  }

  static const char* readable_end(const element_view& element) {
    return reinterpret_cast<const char*>(element.outer + element.outer_size);
  }

  char* ensure(char* at, std::size_t bytes) {
    out_.end(at);
    return out_.room(bytes);
  }

  /// A text of the value, quoted, for which there is room if none of it has to be escaped; null if some has,
  /// or if it is too near to the document's end.
  [[gnu::always_inline]] char* plain_text(char* at, const element_view& element, std::size_t from,
                                          std::size_t size) {
    const char* in = reinterpret_cast<const char*>(element.data() + from);
    if (readable_end(element) - (in + size) < 32) [[unlikely]]
      return nullptr;
    *at++ = '"';
    if (json::put_plain(at, in, size) != size) [[unlikely]]
      return nullptr;
    at[size] = '"';
    return at + size + 1;
  }

  /// Any text of the value, quoted, and after it fixed_room again.
  [[gnu::noinline]] char* text(char* at, element_view element, std::size_t from, std::size_t size,
                               const char* field) {
    const char* in = reinterpret_cast<const char*>(element.data() + from);
    if (size <= piece_bytes && readable_end(element) - (in + size) >= 32) [[likely]] {
      at = ensure(at, fixed_room + json::worst_growth * size);
      *at = '"';
      std::size_t plain = json::put_plain(at + 1, in, size);
      char* end = at + 1 + plain;
      if (plain != size) end = json::put_escaped(end, in + plain, in + size);
      if (end) [[likely]] {
        *end = '"';
        return end + 1;
      }
    }
    return rare_text(at, element, element.offset + from, size, field);
  }

  [[gnu::noinline]] char* rare_text(char* at, const element_view& element, std::size_t offset,
                                    std::size_t size, const char* field) {
    out_.end(at);
    std::size_t begin = out_.size();
    at = out_.room(1);
    *at++ = '"';
    at = pieces(at, element, offset, size);
    if (!at) {
      if (!hex_instead(element, offset, size, field)) return nullptr;
      out_.truncate(begin);
      at = put_literal(out_.room(2 * size + fixed_room), R"({"hex":")");
      at = put_hex(at, element.outer + offset, size);
      return put_literal(at, "\"}");
    }
    at = ensure(at, fixed_room);
    *at++ = '"';
    return at;
  }

  bool hex_instead(const element_view& element, std::size_t offset, std::size_t size, const char* field) {
    if (options_.not_utf8 == bad_text::hex) return true;
    error_ = detail::text_error(element, offset, size, field);
    return false;
  }

  /// Where a piece may end: not inside a character. A text that has no such place nearby is not UTF-8, and
  /// put_escaped will say so.
  static const char* piece_end(const char* from, const char* stop, const char* end) {
    if (stop == end) return stop;
    for (int i = 0; i < 3 && stop > from && (static_cast<unsigned char>(*stop) & 0xc0) == 0x80; ++i) --stop;
    return stop;
  }

  /// Escapes a text of any length, anywhere in memory. Null if it is not UTF-8.
  char* pieces(char* at, const element_view& element, std::size_t offset, std::size_t size) {
    const char* in = reinterpret_cast<const char*>(element.outer + offset);
    const char* end = in + size;
    // put_escaped reads 16 bytes more than it is given: what is too near to the document's end is left for
    // later.
    const char* fast_end = readable_end(element) - std::min<std::uint32_t>(16, element.outer_size);
    fast_end = fast_end < in ? in : piece_end(in, std::min(end, fast_end), end);
    while (in < fast_end) {
      const char* stop = in + std::min<std::ptrdiff_t>(fast_end - in, piece_bytes);
      stop = piece_end(in, stop, fast_end);
      at = json::put_escaped(ensure(at, json::worst_growth * piece_bytes), in, stop);
      if (!at) return nullptr;
      in = stop;
    }
    at = ensure(at, json::worst_growth * static_cast<std::size_t>(end - in));
    return json::put_escaped_scalar(at, in, end);
  }

  static char* float64(char* at, double number) {
    if (!std::isfinite(number)) [[unlikely]] {
      at = put_literal(at, R"({"$numberDouble":")");
      at = json::put(at, std::isnan(number) ? "NaN" : number < 0 ? "-Infinity" : "Infinity");
      return put_literal(at, "\"}");
    }
    if constexpr (canonical) at = put_literal(at, R"({"$numberDouble":")");
    at = put_double(at, number);
    if constexpr (canonical) at = put_literal(at, "\"}");
    return at;
  }

  static char* date_time(char* at, std::int64_t ms) {
    if (!canonical && ms >= 0 && ms <= last_relaxed_ms) [[likely]] {
      at = put_literal(at, R"({"$date":")");
      return put_literal(put_date(at, ms), "\"}");
    }
    at = put_literal(at, R"({"$date":{"$numberLong":")");
    return put_literal(put_integer(at, ms), "\"}}");
  }

  static char* object_id(char* at, const std::uint8_t* id) {
    at = put_literal(at, R"({"$oid":")");
    return put_literal(put_object_id_hex(at, id), "\"}");
  }

  [[gnu::noinline]] char* rare_value(char* at, element_view element) {
    switch (element.type) {
      case bson_type::binary: return binary(at, *element.as_binary());
      case bson_type::undefined: return put_literal(at, R"({"$undefined":true})");
      case bson_type::regex: return regex(at, element);
      case bson_type::db_pointer: return db_pointer(at, element);
      case bson_type::code: return wrapped(put_literal(at, R"({"$code":)"), element, "code");
      case bson_type::symbol: return wrapped(put_literal(at, R"({"$symbol":)"), element, "symbol");
      case bson_type::timestamp: {
        bson_timestamp of = *element.as_timestamp();
        at = put_integer(put_literal(at, R"({"$timestamp":{"t":)"), of.time);
        at = put_integer(put_literal(at, R"(,"i":)"), of.increment);
        return put_literal(at, "}}");
      }
      case bson_type::decimal128:
        at = put_decimal128(put_literal(at, R"({"$numberDecimal":")"), load_decimal128(element.data()));
        return put_literal(at, "\"}");
      case bson_type::min_key: return put_literal(at, R"({"$minKey":1})");
      case bson_type::max_key: return put_literal(at, R"({"$maxKey":1})");
      default: break;
    }
    // read_element lets no other type through, and the walk gives containers to open().
    error_ = {decode_errc::unknown_tag, element.element_offset(), "element type"};
    return nullptr;
  }

  char* wrapped(char* at, const element_view& element, const char* field) {
    at = text(at, element, 4, element.size - 5, field);
    return at ? put_literal(at, "}") : nullptr;
  }

  char* binary(char* at, binary_view of) {
    at = put_literal(at, R"({"$binary":{"base64":")");
    at = ensure(at, base64_size(of.data.size()) + fixed_room);
    at = put_base64(at, of.data.data(), of.data.size());
    at = put_literal(at, R"(","subType":")");
    at = put_hex(at, &of.subtype, 1);
    return put_literal(at, "\"}}");
  }

  char* regex(char* at, const element_view& element) {
    regex_view of = *element.as_regex();
    at = put_literal(at, R"({"$regularExpression":{"pattern":)");
    at = text(at, element, 0, of.pattern.size(), "regex pattern");
    if (!at) return nullptr;
    at = put_literal(at, R"(,"options":)");
    at = std::ranges::is_sorted(of.options)
             ? text(at, element, of.pattern.size() + 1, of.options.size(), "regex options")
             : unsorted_options(at, element, of);
    return at ? put_literal(at, "}}") : nullptr;
  }

  /// The specification wants them in alphabetical order; what is not ASCII stays as it is.
  char* unsorted_options(char* at, const element_view& element, const regex_view& of) {
    if (!std::ranges::all_of(of.options, [](char c) { return static_cast<unsigned char>(c) < 0x80; }))
      return text(at, element, of.pattern.size() + 1, of.options.size(), "regex options");
    std::string sorted(of.options);
    std::ranges::sort(sorted);
    at = ensure(at, sorted.size() * json::worst_growth + fixed_room);
    *at++ = '"';
    at = json::put_escaped_scalar(at, sorted.data(), sorted.data() + sorted.size());
    *at++ = '"';
    return at;
  }

  char* db_pointer(char* at, const element_view& element) {
    db_pointer_view of = *element.as_db_pointer();
    at = put_literal(at, R"({"$dbPointer":{"$ref":)");
    at = text(at, element, 4, of.ns.size(), "dbPointer");
    if (!at) return nullptr;
    at = object_id(put_literal(at, R"(,"$id":)"), of.id.data());
    return put_literal(at, "}}");
  }

  json::buffer& out_;
  const extended_json_options& options_;
  decode_error error_;
};

template <extended_form form>
decoded<void> put_whole(json::buffer& out, bson_view document, bson_type type,
                        const extended_json_options& options) {
  std::size_t begin = out.size();
  writer<form> to(out, options);
  to.begin(type);
  decoded<void> done = walk_bson(document, to, options.max_depth, type);
  if (done)
    to.end(type);
  else
    out.truncate(begin);
  return done;
}

template <extended_form form>
decoded<void> put_one(json::buffer& out, const element_view& value, const extended_json_options& options) {
  if (value.type == bson_type::document || value.type == bson_type::array)
    return put_whole<form>(out, value.type == bson_type::array ? *value.as_array() : *value.as_document(),
                           value.type, options);
  std::size_t begin = out.size();
  writer<form> to(out, options);
  decoded<void> done;
  if (auto scope = value.scope()) {
    if (!to.open(value, bson_type::array))
      done = std::unexpected(to.error());
    else
      done = walk_bson(*scope, to, options.max_depth);
    if (done) to.end(bson_type::code_w_scope);
  } else if (!to.value(value, bson_type::array)) {
    done = std::unexpected(to.error());
  } else {
    to.drop_comma();
  }
  if (!done) out.truncate(begin);
  return done;
}

}  // namespace

decoded<void> put_extended_json(json::buffer& out, bson_view document, const extended_json_options& options) {
  return options.form == extended_form::canonical
             ? put_whole<extended_form::canonical>(out, document, bson_type::document, options)
             : put_whole<extended_form::relaxed>(out, document, bson_type::document, options);
}

decoded<void> put_extended_json(json::buffer& out, const element_view& value,
                                const extended_json_options& options) {
  return options.form == extended_form::canonical ? put_one<extended_form::canonical>(out, value, options)
                                                  : put_one<extended_form::relaxed>(out, value, options);
}

}  // namespace tidewire::mongo_wire
