#include "binlog/table_cache.hpp"

#include <algorithm>

namespace tidewire::binlog {

decoded<const table_definition*> table_cache::add(const event_view& event, const format_description& format) {
  byte_view body = event.body();
  // The table's id is what the body begins with, in all versions that we read.
  if (body.size() >= 6) [[likely]] {
    bool old = format.post_header(event_type::table_map, 8) == 6;
    auto at = entries_.find(detail::load_le_n(body.data(), old ? 4 : 6));
    if (at != entries_.end() && std::ranges::equal(at->second->body, body)) {
      at->second->statement = statement_;
      return &at->second->table;
    }
  }
  auto map = decode_table_map(event, format);
  if (!map) return std::unexpected(map.error());
  auto table = table_definition::from(event, *map, format.mariadb());
  if (!table) return std::unexpected(table.error());
  if (auto old = entries_.find(map->table_id); old != entries_.end()) {
    bytes_ -= old->second->body.size();
    entries_.erase(old);
  }
  make_room(body.size());
  if (entries_.size() >= bounds_.tables || bytes_ + body.size() > bounds_.bytes)
    return std::unexpected(
        decode_error{decode_errc::limit_exceeded, header_bytes, "tables of one statement"});
  auto made = std::make_unique<entry>();
  made->table = std::move(*table);
  made->table.serial = ++serial_;
  made->body.assign(body.begin(), body.end());
  made->statement = statement_;
  bytes_ += body.size();
  const table_definition* result = &made->table;
  entries_.emplace(map->table_id, std::move(made));
  return result;
}

void table_cache::make_room(std::size_t bytes) {
  if (entries_.size() < bounds_.tables && bytes_ + bytes <= bounds_.bytes) return;
  std::erase_if(entries_, [&](const auto& each) {
    if (each.second->statement == statement_) return false;
    bytes_ -= each.second->body.size();
    return true;
  });
}

void table_cache::clear() {
  entries_.clear();
  bytes_ = 0;
  ++statement_;
}

}  // namespace tidewire::binlog
