#include "binlog/mariadb_gtid_position.hpp"

#include <algorithm>
#include <charconv>

namespace tidewire::binlog {

namespace {

auto place_of(auto& gtids, std::uint32_t domain) {
  return std::lower_bound(
      gtids.begin(), gtids.end(), domain,
      [](const mariadb_gtid& each, std::uint32_t wanted) { return each.domain < wanted; });
}

/// Reads a number that is followed by `end`, or by anything if that is 0.
template <class T>
bool take_number(std::string_view text, std::size_t& at, T& value, char end) {
  if (at == text.size() || text[at] < '0' || text[at] > '9') return false;
  auto [stopped, error] = std::from_chars(text.data() + at, text.data() + text.size(), value);
  if (error != std::errc{}) return false;
  at = static_cast<std::size_t>(stopped - text.data());
  if (!end) return true;
  return at < text.size() && text[at++] == end;
}

bool take_gtid(std::string_view text, std::size_t& at, mariadb_gtid& id) {
  return take_number(text, at, id.domain, '-') && take_number(text, at, id.server, '-') &&
         take_number(text, at, id.sequence, '\0');
}

std::unexpected<decode_error> refuse(std::size_t at, const char* field) {
  return std::unexpected(decode_error{decode_errc::bad_value, at, field});
}

void skip_space(std::string_view text, std::size_t& at) {
  while (at < text.size() && (text[at] == ' ' || (text[at] >= '\t' && text[at] <= '\r'))) ++at;
}

}  // namespace

char* put_mariadb_gtid(char* out, const mariadb_gtid& id) {
  out = std::to_chars(out, out + 10, id.domain).ptr;
  *out++ = '-';
  out = std::to_chars(out, out + 10, id.server).ptr;
  *out++ = '-';
  return std::to_chars(out, out + 20, id.sequence).ptr;
}

decoded<mariadb_gtid> parse_mariadb_gtid(std::string_view text) {
  std::size_t at = 0;
  mariadb_gtid id;
  if (!take_gtid(text, at, id) || at != text.size()) return refuse(at, "gtid");
  return id;
}

decoded<mariadb_gtid_position> mariadb_gtid_position::parse(std::string_view text) {
  mariadb_gtid_position position;
  std::size_t at = 0;
  skip_space(text, at);
  while (at < text.size()) {
    std::size_t begin = at;
    mariadb_gtid id;
    if (!take_gtid(text, at, id)) return refuse(begin, "gtid");
    if (position.find(id.domain)) return refuse(begin, "domain");
    position.set(id);
    skip_space(text, at);
    if (at == text.size()) break;
    if (text[at] != ',') return refuse(at, "separator");
    skip_space(text, ++at);
    if (at == text.size()) return refuse(at, "gtid");
  }
  return position;
}

mariadb_gtid_position mariadb_gtid_position::behind(const gtid_list_view& list) {
  mariadb_gtid_position position;
  for (std::size_t i = 0; i < list.count; ++i) position.set(list.gtid(i));
  return position;
}

std::string mariadb_gtid_position::text() const {
  std::string out;
  for (const mariadb_gtid& each : gtids_) {
    char one[mariadb_gtid_text_size];
    if (!out.empty()) out += ',';
    out.append(one, put_mariadb_gtid(one, each));
  }
  return out;
}

void mariadb_gtid_position::set(const mariadb_gtid& id) {
  auto at = place_of(gtids_, id.domain);
  if (at != gtids_.end() && at->domain == id.domain)
    *at = id;
  else
    gtids_.insert(at, id);
}

bool mariadb_gtid_position::advance(const mariadb_gtid& id) {
  if (contains(id)) return false;
  set(id);
  return true;
}

void mariadb_gtid_position::add(const mariadb_gtid_position& other) {
  for (const mariadb_gtid& each : other.gtids_) advance(each);
}

void mariadb_gtid_position::subtract(const mariadb_gtid_position& other) {
  std::erase_if(gtids_, [&](const mariadb_gtid& each) { return other.contains(each); });
}

bool mariadb_gtid_position::contains(const mariadb_gtid& id) const {
  const mariadb_gtid* mine = find(id.domain);
  return mine && mine->sequence >= id.sequence;
}

bool mariadb_gtid_position::contains(const mariadb_gtid_position& other) const {
  return std::ranges::all_of(other.gtids_, [&](const mariadb_gtid& each) { return contains(each); });
}

const mariadb_gtid* mariadb_gtid_position::find(std::uint32_t domain) const {
  auto at = place_of(gtids_, domain);
  return at != gtids_.end() && at->domain == domain ? &*at : nullptr;
}

}  // namespace tidewire::binlog
