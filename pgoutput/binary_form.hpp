// How a type's binary form, the bytes that its send function makes, is laid out: what has to be known of a
// type to turn them into text.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tidewire::pgoutput {

enum class binary_form : std::uint8_t {
  none,  // no text without the catalogue (regclass), or none that we know
  boolean,
  int2,
  int4,
  int8,
  uint4,  // oid, xid, cid
  uint8,  // xid8
  float4,
  float8,
  money,
  numeric,
  text,            // the text itself; an enumeration's label too
  versioned_text,  // a version byte 1, then the text: jsonb, jsonpath, ltree
  character,       // "char": one byte
  bytea,
  hex_text,  // the text is the bytes in upper-case hex: PostGIS
  uuid,
  bits,  // bit, varbit
  date,
  time,
  time_tz,
  timestamp,
  timestamp_tz,
  interval,
  inet,
  cidr,
  macaddr,
  macaddr8,
  lsn,
  tid,
  snapshot,
  point,
  line,
  lseg,
  box,
  path,
  polygon,
  circle,
  tsvector,
  tsquery,
  hstore,
  cube,
  vector,     // pgvector
  halfvec,    // "
  sparsevec,  // "
  domain,     // as its base type, `element`
  array,
  plain_array,  // int2vector, oidvector
  range,        // of `element`
  multirange,   // of the range type `element`
  composite,
};

struct type_info {
  binary_form form = binary_form::none;
  /// A domain's base type, a range's subtype, a multirange's range type. An array needs none: its value says
  /// it.
  std::uint32_t element = 0;
  /// What separates elements of this type in an array's text (pg_type.typdelim).
  char delimiter = ',';
};

/// What the caller knows of types that are not in the table of built-in ones (pgoutput/builtin_types.hpp).
class type_lookup {
 public:
  virtual std::optional<type_info> find(std::uint32_t oid) const = 0;

 protected:
  ~type_lookup() = default;
};

/// For callers who know of none.
class no_types final : public type_lookup {
 public:
  std::optional<type_info> find(std::uint32_t) const override { return std::nullopt; }
};

namespace detail {

struct named_form {
  std::string_view name;
  binary_form form;
};

}  // namespace detail

/// The form that the send function of a type makes (pg_type.typsend::regproc, without its schema). It decides
/// about every type but domains, whose send function is that of their base type. `none` if we do not know it.
constexpr binary_form form_of_send_function(std::string_view name) {
  constexpr auto known = std::to_array<detail::named_form>({
      {"enum_send", binary_form::text},
      {"citextsend", binary_form::text},
      {"array_send", binary_form::array},
      {"range_send", binary_form::range},
      {"multirange_send", binary_form::multirange},
      {"record_send", binary_form::composite},
      {"hstore_send", binary_form::hstore},
      {"ltree_send", binary_form::versioned_text},
      {"lquery_send", binary_form::versioned_text},
      {"ltxtq_send", binary_form::versioned_text},
      {"cube_send", binary_form::cube},
      {"vector_send", binary_form::vector},
      {"halfvec_send", binary_form::halfvec},
      {"sparsevec_send", binary_form::sparsevec},
      {"geometry_send", binary_form::hex_text},
      {"geography_send", binary_form::hex_text},
  });
  for (const auto& each : known)
    if (each.name == name) return each.form;
  return binary_form::none;
}

/// The form of an extension's type by the type's name: a guess, for those who have the stream and no
/// catalogue.
constexpr binary_form form_of_extension_type(std::string_view name) {
  constexpr auto known = std::to_array<detail::named_form>({
      {"citext", binary_form::text},
      {"hstore", binary_form::hstore},
      {"ltree", binary_form::versioned_text},
      {"lquery", binary_form::versioned_text},
      {"ltxtquery", binary_form::versioned_text},
      {"cube", binary_form::cube},
      {"vector", binary_form::vector},
      {"halfvec", binary_form::halfvec},
      {"sparsevec", binary_form::sparsevec},
      {"geometry", binary_form::hex_text},
      {"geography", binary_form::hex_text},
  });
  for (const auto& each : known)
    if (each.name == name) return each.form;
  // An array says what it is an array of: its form is enough.
  if (name.starts_with('_') && form_of_extension_type(name.substr(1)) != binary_form::none)
    return binary_form::array;
  return binary_form::none;
}

}  // namespace tidewire::pgoutput
