#include "binlog/gtid_set.hpp"

#include <algorithm>
#include <charconv>

#include "binlog/gtid_event.hpp"

namespace tidewire::binlog {

namespace {

using interval_list = std::vector<gtid_interval>;

/// Joins `added` into an ordered list.
void insert_interval(interval_list& list, gtid_interval added) {
  if (list.empty() || added.first > list.back().last + 1) {  // the usual case: a new last one
    list.push_back(added);
    return;
  }
  auto at =
      std::lower_bound(list.begin(), list.end(), added.first,
                       [](const gtid_interval& each, std::int64_t first) { return each.last + 1 < first; });
  auto end = at;
  while (end != list.end() && end->first <= added.last + 1) {
    added.first = std::min(added.first, end->first);
    added.last = std::max(added.last, end->last);
    ++end;
  }
  if (at == end) {
    list.insert(at, added);
    return;
  }
  *at = added;
  list.erase(at + 1, end);
}

/// a ∖ b, both ordered.
interval_list difference(const interval_list& a, const interval_list& b) {
  interval_list out;
  auto without = b.begin();
  for (gtid_interval each : a) {
    while (without != b.end() && without->last < each.first) ++without;
    auto cut = without;
    while (cut != b.end() && cut->first <= each.last && each.first <= each.last) {
      if (cut->first > each.first) out.push_back({each.first, cut->first - 1});
      each.first = cut->last + 1;
      ++cut;
    }
    if (each.first <= each.last) out.push_back(each);
  }
  return out;
}

bool includes(const interval_list& a, const interval_list& b) {
  auto at = a.begin();
  for (const gtid_interval& each : b) {
    while (at != a.end() && at->last < each.first) ++at;
    if (at == a.end() || at->first > each.first || at->last < each.last) return false;
  }
  return true;
}

bool overlap(const interval_list& a, const interval_list& b) {
  auto left = a.begin(), right = b.begin();
  while (left != a.end() && right != b.end()) {
    if (left->last < right->first)
      ++left;
    else if (right->last < left->first)
      ++right;
    else
      return true;
  }
  return false;
}

bool before(const gtid_set::group& a, const server_uuid& uuid, const gtid_tag& tag) {
  if (auto order = a.uuid <=> uuid; order != 0) return order < 0;
  return a.tag < tag;
}

bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

/// Reads a set's text from left to right.
class text_reader {
 public:
  explicit text_reader(std::string_view text) : text_(text) {}

  void skip_space() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }
  bool take(char c) {
    skip_space();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool at_end() {
    skip_space();
    return at_ == text_.size();
  }
  /// Up to one of `:,` or white space.
  std::string_view word() {
    skip_space();
    std::size_t begin = at_;
    while (at_ < text_.size() && text_[at_] != ':' && text_[at_] != ',' && !is_space(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }
  /// -1 if there is none, or it is too large.
  std::int64_t number() {
    skip_space();
    std::int64_t value = 0;
    const char* begin = text_.data() + at_;
    if (at_ == text_.size() || *begin < '0' || *begin > '9') return -1;
    auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), value);
    if (error != std::errc{} || value > max_gtid_number) return -1;
    at_ += static_cast<std::size_t>(end - begin);
    return value;
  }
  char peek() {
    skip_space();
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  std::size_t offset() const { return at_; }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

const gtid_set::group* gtid_set::find(const server_uuid& uuid, const gtid_tag& tag) const {
  auto at = std::lower_bound(groups_.begin(), groups_.end(), 0,
                             [&](const group& each, int) { return before(each, uuid, tag); });
  return at != groups_.end() && at->uuid == uuid && at->tag == tag ? &*at : nullptr;
}

gtid_set::group& gtid_set::find_or_make(const server_uuid& uuid, const gtid_tag& tag) {
  auto at = std::lower_bound(groups_.begin(), groups_.end(), 0,
                             [&](const group& each, int) { return before(each, uuid, tag); });
  if (at == groups_.end() || at->uuid != uuid || at->tag != tag) at = groups_.insert(at, {uuid, tag, {}});
  return *at;
}

void gtid_set::add(const server_uuid& uuid, const gtid_tag& tag, gtid_interval interval) {
  if (interval.last < interval.first) return;
  insert_interval(find_or_make(uuid, tag).intervals, interval);
}

void gtid_set::add(const gtid_set& other) {
  if (&other == this) return;
  for (const group& each : other.groups_) {
    interval_list& mine = find_or_make(each.uuid, each.tag).intervals;
    for (const gtid_interval& interval : each.intervals) insert_interval(mine, interval);
  }
}

void gtid_set::subtract(const gtid_set& other) {
  if (&other == this) return clear();
  for (group& mine : groups_)
    if (const group* theirs = other.find(mine.uuid, mine.tag))
      mine.intervals = difference(mine.intervals, theirs->intervals);
  std::erase_if(groups_, [](const group& each) { return each.intervals.empty(); });
}

bool gtid_set::contains(const gtid& id) const {
  const group* mine = find(id.uuid, id.tag);
  return mine && includes(mine->intervals, {{id.number, id.number}});
}

bool gtid_set::contains(const gtid_set& other) const {
  return std::ranges::all_of(other.groups_, [&](const group& theirs) {
    const group* mine = find(theirs.uuid, theirs.tag);
    return mine && includes(mine->intervals, theirs.intervals);
  });
}

bool gtid_set::intersects(const gtid_set& other) const {
  return std::ranges::any_of(other.groups_, [&](const group& theirs) {
    const group* mine = find(theirs.uuid, theirs.tag);
    return mine && overlap(mine->intervals, theirs.intervals);
  });
}

bool gtid_set::has_tags() const {
  return std::ranges::any_of(groups_, [](const group& each) { return !each.tag.empty(); });
}

std::uint64_t gtid_set::count() const {
  std::uint64_t sum = 0;
  for (const group& each : groups_)
    for (const gtid_interval& interval : each.intervals) {
      auto size = static_cast<std::uint64_t>(interval.last - interval.first) + 1;
      if (__builtin_add_overflow(sum, size, &sum)) return UINT64_MAX;
    }
  return sum;
}

std::string gtid_set::text(std::string_view separator) const {
  std::string out;
  const server_uuid* last = nullptr;
  for (const group& each : groups_) {
    if (!last || *last != each.uuid) {
      if (last) out += separator;
      char uuid[uuid_text_size];
      put_uuid(uuid, each.uuid.bytes.data());
      out.append(uuid, uuid_text_size);
      last = &each.uuid;
    }
    if (!each.tag.empty()) {
      out += ':';
      out += each.tag.text();
    }
    for (const gtid_interval& interval : each.intervals) {
      out += ':';
      out += std::to_string(interval.first);
      if (interval.last != interval.first) {
        out += '-';
        out += std::to_string(interval.last);
      }
    }
  }
  return out;
}

decoded<gtid_set> gtid_set::parse(std::string_view text) {
  gtid_set set;
  text_reader in(text);
  auto refuse = [](std::size_t at, const char* field) {
    return std::unexpected(decode_error{decode_errc::bad_value, at, field});
  };
  while (!in.at_end()) {
    if (in.take(',')) continue;
    std::size_t at = in.offset();
    auto uuid = parse_uuid(in.word());
    if (!uuid) return refuse(at, "uuid");
    gtid_tag tag;
    while (in.take(':')) {
      char next = in.peek();
      at = in.offset();
      if (next < '0' || next > '9') {
        auto named = gtid_tag::parse(in.word());
        if (!named || named->empty()) return refuse(at, "tag");
        tag = *named;
        continue;
      }
      gtid_interval interval;
      interval.first = in.number();
      if (interval.first <= 0) return refuse(at, "number");
      interval.last = interval.first;
      if (in.take('-')) {
        in.skip_space();
        at = in.offset();
        interval.last = in.number();
        if (interval.last < 0) return refuse(at, "number");
      }
      set.add(*uuid, tag, interval);
    }
    if (!in.at_end() && in.peek() != ',') return refuse(in.offset(), "separator");
  }
  return set;
}

// Untagged: u64 count, then for each UUID: 16 bytes, u64 count, that many (i64 first, i64 behind the last).
// Tagged: byte 0 and byte 7 are 1, the six between are the count; each UUID has a tag behind it.
decoded<gtid_set> gtid_set::decode(byte_view bytes) {
  gtid_set set;
  cursor in(bytes);
  std::size_t count_at = in.offset();
  auto head = in.le<std::uint64_t>("uuid count");
  bool tagged = head >> 56 == 1;
  std::uint64_t count = tagged ? head >> 8 & 0xffffffffffff : head;
  if (in.ok() && tagged && (head & 0xff) != 1) in.fail_at(count_at, decode_errc::unsupported, "set format");
  if (in.ok() && head >> 56 > 1) in.fail_at(count_at, decode_errc::unsupported, "set format");
  std::size_t least_bytes = tagged ? 25 : 24;
  if (in.ok() && count > in.remaining() / least_bytes)
    in.fail_at(count_at, decode_errc::truncated, "uuid count");
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    group next;
    byte_view uuid = in.bytes(16, "uuid");
    std::copy(uuid.begin(), uuid.end(), next.uuid.bytes.begin());
    if (tagged) {
      std::size_t at = in.offset();
      std::uint64_t size = detail::take_varint(in, "tag");
      if (size > max_tag_bytes) in.fail_at(at, decode_errc::limit_exceeded, "tag");
      auto tag = gtid_tag::parse(in.text(static_cast<std::size_t>(size), "tag"));
      if (!tag) in.fail_at(at, decode_errc::bad_value, "tag");
      if (tag) next.tag = *tag;
    }
    std::size_t at = in.offset();
    auto intervals = in.le<std::uint64_t>("interval count");
    if (in.ok() && intervals > in.remaining() / 16) in.fail_at(at, decode_errc::truncated, "interval count");
    std::int64_t least = 1;
    for (std::uint64_t n = 0; n < intervals && in.ok(); ++n) {
      at = in.offset();
      auto first = in.le<std::int64_t>("first number");
      auto behind = in.le<std::int64_t>("last number");
      // Ascending and not adjacent: the server refuses everything else, too.
      if (in.ok() && (first < least || behind <= first || behind > max_gtid_number + 1)) {
        in.fail_at(at, decode_errc::bad_value, "interval");
        break;
      }
      if (in.ok()) next.intervals.push_back({first, behind - 1});
      least = behind == INT64_MAX ? behind : behind + 1;
    }
    if (!in.ok() || next.intervals.empty()) continue;
    set.groups_.push_back(std::move(next));
  }
  auto in_order = [](const group& a, const group& b) { return before(a, b.uuid, b.tag); };
  if (!std::ranges::is_sorted(set.groups_, in_order)) std::ranges::sort(set.groups_, in_order);
  auto same = [](const group& a, const group& b) { return a.uuid == b.uuid && a.tag == b.tag; };
  if (in.ok() && std::ranges::adjacent_find(set.groups_, same) != set.groups_.end())
    in.fail_at(count_at, decode_errc::bad_value, "uuid");
  return in.finish(std::move(set));
}

void gtid_set::encode(std::vector<std::uint8_t>& out, bool tagged) const {
  tagged = tagged || has_tags();
  encoder to(out);
  auto count = static_cast<std::uint64_t>(groups_.size());
  to.le(tagged ? std::uint64_t{1} << 56 | count << 8 | 1 : count);
  for (const group& each : groups_) {
    to.bytes(each.uuid.bytes);
    if (tagged) {
      detail::put_varint(to, each.tag.text().size());
      to.text(each.tag.text());
    }
    to.le(static_cast<std::uint64_t>(each.intervals.size()));
    for (const gtid_interval& interval : each.intervals) {
      to.le(interval.first);
      to.le(interval.last + 1);
    }
  }
}

decoded<gtid_set> decode_previous_gtids(const event_view& event) {
  cursor in = detail::body_of(event, event_type::previous_gtids);
  if (!in.ok()) return std::unexpected(in.error());
  auto set = gtid_set::decode(event.body());
  if (!set) {
    decode_error error = set.error();
    error.offset += header_bytes;
    return std::unexpected(error);
  }
  return set;
}

}  // namespace tidewire::binlog
