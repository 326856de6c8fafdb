// The types that every Postgres from 11 to 18 has under the same OIDs. OIDs from 10000 on (row types of
// catalogues and views, information_schema's domains) differ from version to version; the server announces
// those types in type messages, as it does those made by users.
#pragma once

#include <algorithm>
#include <array>

#include "core/table.hpp"
#include "pgoutput/binary_form.hpp"

namespace tidewire::pgoutput {

struct builtin_type {
  std::uint32_t oid;
  std::string_view name;  // pg_type.typname: int4, not integer; arrays begin with _
  char category;          // pg_type.typcategory: A array, B boolean, N number, S string, …
  binary_form form;
  std::uint32_t element = 0;  // of arrays, ranges (their subtype) and multiranges (their range type)
  char delimiter = ',';
};

/// By OID.
inline constexpr auto builtin_types = [] {
  using enum binary_form;
  return std::to_array<builtin_type>({
      {16, "bool", 'B', boolean},
      {17, "bytea", 'U', bytea},
      {18, "char", 'Z', character},
      {19, "name", 'S', text},
      {20, "int8", 'N', int8},
      {21, "int2", 'N', int2},
      {22, "int2vector", 'A', plain_array, 21},
      {23, "int4", 'N', int4},
      {24, "regproc", 'N', none},
      {25, "text", 'S', text},
      {26, "oid", 'N', uint4},
      {27, "tid", 'U', tid},
      {28, "xid", 'U', uint4},
      {29, "cid", 'U', uint4},
      {30, "oidvector", 'A', plain_array, 26},
      {32, "pg_ddl_command", 'P', none},
      {71, "pg_type", 'C', composite},
      {75, "pg_attribute", 'C', composite},
      {81, "pg_proc", 'C', composite},
      {83, "pg_class", 'C', composite},
      {114, "json", 'U', text},
      {142, "xml", 'U', text},
      {143, "_xml", 'A', array, 142},
      {194, "pg_node_tree", 'Z', text},
      {199, "_json", 'A', array, 114},
      {210, "_pg_type", 'A', array, 71},
      {269, "table_am_handler", 'P', none},
      {270, "_pg_attribute", 'A', array, 75},
      {271, "_xid8", 'A', array, 5069},
      {272, "_pg_proc", 'A', array, 81},
      {273, "_pg_class", 'A', array, 83},
      {325, "index_am_handler", 'P', none},
      {600, "point", 'G', point},
      {601, "lseg", 'G', lseg},
      {602, "path", 'G', path},
      {603, "box", 'G', box, 0, ';'},
      {604, "polygon", 'G', polygon},
      {628, "line", 'G', line},
      {629, "_line", 'A', array, 628},
      {650, "cidr", 'I', cidr},
      {651, "_cidr", 'A', array, 650},
      {700, "float4", 'N', float4},
      {701, "float8", 'N', float8},
      {702, "abstime", 'D', none},
      {703, "reltime", 'T', none},
      {704, "tinterval", 'T', none},
      {705, "unknown", 'X', text},
      {718, "circle", 'G', circle},
      {719, "_circle", 'A', array, 718},
      {774, "macaddr8", 'U', macaddr8},
      {775, "_macaddr8", 'A', array, 774},
      {790, "money", 'N', money},
      {791, "_money", 'A', array, 790},
      {829, "macaddr", 'U', macaddr},
      {869, "inet", 'I', inet},
      {1000, "_bool", 'A', array, 16},
      {1001, "_bytea", 'A', array, 17},
      {1002, "_char", 'A', array, 18},
      {1003, "_name", 'A', array, 19},
      {1005, "_int2", 'A', array, 21},
      {1006, "_int2vector", 'A', array, 22},
      {1007, "_int4", 'A', array, 23},
      {1008, "_regproc", 'A', array, 24},
      {1009, "_text", 'A', array, 25},
      {1010, "_tid", 'A', array, 27},
      {1011, "_xid", 'A', array, 28},
      {1012, "_cid", 'A', array, 29},
      {1013, "_oidvector", 'A', array, 30},
      {1014, "_bpchar", 'A', array, 1042},
      {1015, "_varchar", 'A', array, 1043},
      {1016, "_int8", 'A', array, 20},
      {1017, "_point", 'A', array, 600},
      {1018, "_lseg", 'A', array, 601},
      {1019, "_path", 'A', array, 602},
      {1020, "_box", 'A', array, 603, ';'},
      {1021, "_float4", 'A', array, 700},
      {1022, "_float8", 'A', array, 701},
      {1023, "_abstime", 'A', array, 702},
      {1024, "_reltime", 'A', array, 703},
      {1025, "_tinterval", 'A', array, 704},
      {1027, "_polygon", 'A', array, 604},
      {1028, "_oid", 'A', array, 26},
      {1033, "aclitem", 'U', none},
      {1034, "_aclitem", 'A', array, 1033},
      {1040, "_macaddr", 'A', array, 829},
      {1041, "_inet", 'A', array, 869},
      {1042, "bpchar", 'S', text},
      {1043, "varchar", 'S', text},
      {1082, "date", 'D', date},
      {1083, "time", 'D', time},
      {1114, "timestamp", 'D', timestamp},
      {1115, "_timestamp", 'A', array, 1114},
      {1182, "_date", 'A', array, 1082},
      {1183, "_time", 'A', array, 1083},
      {1184, "timestamptz", 'D', timestamp_tz},
      {1185, "_timestamptz", 'A', array, 1184},
      {1186, "interval", 'T', interval},
      {1187, "_interval", 'A', array, 1186},
      {1231, "_numeric", 'A', array, 1700},
      {1248, "pg_database", 'C', composite},
      {1263, "_cstring", 'A', array, 2275},
      {1266, "timetz", 'D', time_tz},
      {1270, "_timetz", 'A', array, 1266},
      {1560, "bit", 'V', bits},
      {1561, "_bit", 'A', array, 1560},
      {1562, "varbit", 'V', bits},
      {1563, "_varbit", 'A', array, 1562},
      {1700, "numeric", 'N', numeric},
      {1790, "refcursor", 'U', text},
      {2201, "_refcursor", 'A', array, 1790},
      {2202, "regprocedure", 'N', none},
      {2203, "regoper", 'N', none},
      {2204, "regoperator", 'N', none},
      {2205, "regclass", 'N', none},
      {2206, "regtype", 'N', none},
      {2207, "_regprocedure", 'A', array, 2202},
      {2208, "_regoper", 'A', array, 2203},
      {2209, "_regoperator", 'A', array, 2204},
      {2210, "_regclass", 'A', array, 2205},
      {2211, "_regtype", 'A', array, 2206},
      {2249, "record", 'P', composite},
      {2275, "cstring", 'P', text},
      {2276, "any", 'P', none},
      {2277, "anyarray", 'P', none},
      {2278, "void", 'P', none},
      {2279, "trigger", 'P', none},
      {2280, "language_handler", 'P', none},
      {2281, "internal", 'P', none},
      {2282, "opaque", 'P', none},
      {2283, "anyelement", 'P', none},
      {2287, "_record", 'P', array, 2249},
      {2776, "anynonarray", 'P', none},
      {2842, "pg_authid", 'C', composite},
      {2843, "pg_auth_members", 'C', composite},
      {2949, "_txid_snapshot", 'A', array, 2970},
      {2950, "uuid", 'U', uuid},
      {2951, "_uuid", 'A', array, 2950},
      {2970, "txid_snapshot", 'U', snapshot},
      {3115, "fdw_handler", 'P', none},
      {3220, "pg_lsn", 'U', lsn},
      {3221, "_pg_lsn", 'A', array, 3220},
      {3310, "tsm_handler", 'P', none},
      {3361, "pg_ndistinct", 'Z', none},
      {3402, "pg_dependencies", 'Z', none},
      {3500, "anyenum", 'P', none},
      {3614, "tsvector", 'U', tsvector},
      {3615, "tsquery", 'U', tsquery},
      {3642, "gtsvector", 'U', none},
      {3643, "_tsvector", 'A', array, 3614},
      {3644, "_gtsvector", 'A', array, 3642},
      {3645, "_tsquery", 'A', array, 3615},
      {3734, "regconfig", 'N', none},
      {3735, "_regconfig", 'A', array, 3734},
      {3769, "regdictionary", 'N', none},
      {3770, "_regdictionary", 'A', array, 3769},
      {3802, "jsonb", 'U', versioned_text},
      {3807, "_jsonb", 'A', array, 3802},
      {3831, "anyrange", 'P', none},
      {3838, "event_trigger", 'P', none},
      {3904, "int4range", 'R', range, 23},
      {3905, "_int4range", 'A', array, 3904},
      {3906, "numrange", 'R', range, 1700},
      {3907, "_numrange", 'A', array, 3906},
      {3908, "tsrange", 'R', range, 1114},
      {3909, "_tsrange", 'A', array, 3908},
      {3910, "tstzrange", 'R', range, 1184},
      {3911, "_tstzrange", 'A', array, 3910},
      {3912, "daterange", 'R', range, 1082},
      {3913, "_daterange", 'A', array, 3912},
      {3926, "int8range", 'R', range, 20},
      {3927, "_int8range", 'A', array, 3926},
      {4066, "pg_shseclabel", 'C', composite},
      {4072, "jsonpath", 'U', versioned_text},
      {4073, "_jsonpath", 'A', array, 4072},
      {4089, "regnamespace", 'N', none},
      {4090, "_regnamespace", 'A', array, 4089},
      {4096, "regrole", 'N', none},
      {4097, "_regrole", 'A', array, 4096},
      {4191, "regcollation", 'N', none},
      {4192, "_regcollation", 'A', array, 4191},
      {4451, "int4multirange", 'R', multirange, 3904},
      {4532, "nummultirange", 'R', multirange, 3906},
      {4533, "tsmultirange", 'R', multirange, 3908},
      {4534, "tstzmultirange", 'R', multirange, 3910},
      {4535, "datemultirange", 'R', multirange, 3912},
      {4536, "int8multirange", 'R', multirange, 3926},
      {4537, "anymultirange", 'P', none},
      {4538, "anycompatiblemultirange", 'P', none},
      {4600, "pg_brin_bloom_summary", 'Z', none},
      {4601, "pg_brin_minmax_multi_summary", 'Z', none},
      {5017, "pg_mcv_list", 'Z', none},
      {5038, "pg_snapshot", 'U', snapshot},
      {5039, "_pg_snapshot", 'A', array, 5038},
      {5069, "xid8", 'U', uint8},
      {5077, "anycompatible", 'P', none},
      {5078, "anycompatiblearray", 'P', none},
      {5079, "anycompatiblenonarray", 'P', none},
      {5080, "anycompatiblerange", 'P', none},
      {6101, "pg_subscription", 'C', composite},
      {6150, "_int4multirange", 'A', array, 4451},
      {6151, "_nummultirange", 'A', array, 4532},
      {6152, "_tsmultirange", 'A', array, 4533},
      {6153, "_tstzmultirange", 'A', array, 4534},
      {6155, "_datemultirange", 'A', array, 4535},
      {6157, "_int8multirange", 'A', array, 4536},
  });
}();

static_assert(std::ranges::is_sorted(builtin_types, {}, &builtin_type::oid));

namespace detail {

/// For every OID up to the last one: 1 + its place in builtin_types, 0 for none.
inline constexpr auto builtin_places = [] {
  std::array<std::uint8_t, builtin_types.back().oid + 1> places{};
  static_assert(builtin_types.size() < 256);
  for (std::size_t i = 0; i < builtin_types.size(); ++i)
    places[builtin_types[i].oid] = static_cast<std::uint8_t>(i + 1);
  return places;
}();

}  // namespace detail

/// Null for a type that is not built in.
constexpr const builtin_type* find_builtin_type(std::uint32_t oid) {
  if (oid >= detail::builtin_places.size() || detail::builtin_places[oid] == 0) return nullptr;
  return &builtin_types[detail::builtin_places[oid] - std::size_t{1}];
}

/// Empty for a type that is not built in.
constexpr std::string_view builtin_type_name(std::uint32_t oid) {
  const builtin_type* type = find_builtin_type(oid);
  return type ? type->name : std::string_view{};
}

/// How docs/envelope.md has a type's values in JSON. A domain is a string, whatever it is based on.
constexpr json_form json_form_of(std::uint32_t oid) {
  switch (oid) {
    case 16: return json_form::boolean;
    case 20:
    case 21:
    case 23:
    case 26: return json_form::integer;
    case 700:
    case 701: return json_form::number;
    case 114:
    case 3802: return json_form::json;
    default: return json_form::string;
  }
}

}  // namespace tidewire::pgoutput
