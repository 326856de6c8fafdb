// A table map and a rows event for it: what the first describes, the second is read by, to the values' text.
//   input: u16 length of the table map's body, that body, a byte that chooses the rows event's type, its body
#include "binlog_fuzz.hpp"

using namespace tidewire;
using namespace tidewire::binlog;
using namespace tidewire::binlog::fuzzing;

namespace {

std::vector<std::uint8_t> event_of(event_type type, byte_view body) {
  event_header header;
  header.type = type;
  std::vector<std::uint8_t> whole;
  encode_event(whole, header, body, checksum_algorithm::none);
  return whole;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  std::size_t map_size = load_le<std::uint16_t>(data);
  if (map_size > size - 3) return 0;
  constexpr event_type types[] = {event_type::write_rows_v1,      event_type::update_rows_v1,
                                  event_type::delete_rows_v1,     event_type::write_rows_v2,
                                  event_type::update_rows_v2,     event_type::delete_rows_v2,
                                  event_type::partial_update_rows};
  std::uint8_t choice = data[2 + map_size];
  event_type type = types[choice % std::size(types)];
  bool mariadb = choice & 0x80;
  std::vector<std::uint8_t> map_bytes = event_of(event_type::table_map, {data + 2, map_size});
  event_view map_event{*decode_event_header(map_bytes), map_bytes};
  format_description format;
  auto map = decode_table_map(map_event, format);
  if (!good(map, map_bytes.size())) return 0;
  std::vector<std::uint8_t> again;
  encoder out(again);
  encode_table_map(out, *map);
  if (out.ok()) {
    std::vector<std::uint8_t> again_bytes = event_of(event_type::table_map, again);
    auto once_more = decode_table_map({*decode_event_header(again_bytes), again_bytes}, format);
    require(once_more.has_value() && as_text(once_more->types) == as_text(map->types) &&
            as_text(once_more->optional) == as_text(map->optional));
  }
  auto table = table_definition::from(map_event, *map, mariadb);
  if (!good(table, map_bytes.size())) return 0;
  if (choice & 0x40)
    for (std::size_t i = 0; i < table->columns.size(); ++i)
      table->columns[i].hint = static_cast<column_hint>(i % 4);
  std::vector<std::uint8_t> rows_bytes = event_of(type, {data + 3 + map_size, size - 3 - map_size});
  use_rows({*decode_event_header(rows_bytes), rows_bytes}, format, *table);
  return 0;
}
