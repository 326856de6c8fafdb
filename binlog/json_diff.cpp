#include "binlog/json_diff.hpp"

#include <algorithm>
#include <charconv>

namespace tidewire::binlog {

namespace {

/// Children of opened containers, in one document.
constexpr std::size_t max_children = std::size_t{16} << 20;
/// Children that had to make room for others, or to close ranks.
constexpr std::uint64_t max_moves = std::uint64_t{1} << 30;

/// The server's order of members.
bool shorter_or_less(std::string_view a, std::string_view b) {
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

char* put_utf8(char* out, std::uint32_t code) {
  if (code < 0x80) {
    *out++ = static_cast<char>(code);
  } else if (code < 0x800) {
    *out++ = static_cast<char>(0xc0 | code >> 6);
    *out++ = static_cast<char>(0x80 | (code & 63));
  } else if (code < 0x10000) {
    *out++ = static_cast<char>(0xe0 | code >> 12);
    *out++ = static_cast<char>(0x80 | (code >> 6 & 63));
    *out++ = static_cast<char>(0x80 | (code & 63));
  } else {
    *out++ = static_cast<char>(0xf0 | code >> 18);
    *out++ = static_cast<char>(0x80 | (code >> 12 & 63));
    *out++ = static_cast<char>(0x80 | (code >> 6 & 63));
    *out++ = static_cast<char>(0x80 | (code & 63));
  }
  return out;
}

/// Reads \uXXXX's four digits; false if there are none.
bool take_hex(std::string_view text, std::size_t& at, std::uint32_t& code) {
  if (text.size() - at < 4) return false;
  auto [end, error] = std::from_chars(text.data() + at, text.data() + at + 4, code, 16);
  at += 4;
  return error == std::errc{} && end == text.data() + at;
}

/// Undoes the escapes of a JSON string; `at` is behind the opening quote, and then behind the closing one.
bool take_quoted(std::string_view text, std::size_t& at, std::string& out) {
  while (at < text.size()) {
    char c = text[at++];
    if (c == '"') return true;
    if (c != '\\') {
      out += c;
      continue;
    }
    if (at == text.size()) return false;
    switch (c = text[at++]) {
      case '"':
      case '\\':
      case '/': out += c; break;
      case 'b': out += '\b'; break;
      case 'f': out += '\f'; break;
      case 'n': out += '\n'; break;
      case 'r': out += '\r'; break;
      case 't': out += '\t'; break;
      case 'u': {
        std::uint32_t code = 0;
        if (!take_hex(text, at, code)) return false;
        if (code >= 0xd800 && code < 0xdc00) {
          std::uint32_t low = 0;
          if (text.substr(at, 2) != "\\u" || !take_hex(text, at += 2, low) || low < 0xdc00 || low > 0xdfff)
            return false;
          code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        } else if (code >= 0xdc00 && code < 0xe000) {
          return false;
        }
        char utf8[4];
        out.append(utf8, put_utf8(utf8, code));
        break;
      }
      default: return false;
    }
  }
  return false;
}

void skip_space(std::string_view text, std::size_t& at) {
  while (at < text.size() && text[at] == ' ') ++at;
}

}  // namespace

bool json_diff_reader::next(json_diff_view& diff) {
  if (!in_.ok() || in_.remaining() == 0) return false;
  std::size_t at = in_.offset();
  std::uint8_t operation = in_.u8("JSON operation");
  if (in_.ok() && operation > 2) in_.fail_at(at, decode_errc::unknown_tag, "JSON operation");
  diff.operation = static_cast<json_operation>(operation);
  diff.path = as_text(detail::take_lenenc_bytes(in_, "JSON path"));
  diff.value = {};
  if (diff.operation != json_operation::remove) {
    diff.value = detail::take_lenenc_bytes(in_, "JSON value");
    value_at_ = in_.offset() - diff.value.size();
  }
  return in_.ok();
}

decoded<void> put_json_diffs(text_buffer& out, byte_view changes) {
  constexpr std::string_view names[] = {"replace", "insert", "remove"};
  json_diff_reader reader(changes);
  json_diff_view diff;
  bool first = true;
  out.put('[');
  while (reader.next(diff)) {
    out.put(first ? R"({"op": ")" : R"(, {"op": ")");
    first = false;
    out.put(names[static_cast<std::size_t>(diff.operation)]);
    out.put(R"(", "path": )");
    detail::put_json_string(out, diff.path);
    if (diff.operation != json_operation::remove) {
      out.put(R"(, "value": )");
      if (auto done = put_json(out, diff.value); !done) {
        decode_error error = done.error();
        error.offset += reader.value_offset();
        return std::unexpected(error);
      }
    }
    out.put('}');
  }
  out.put(']');
  if (!reader.ok()) return std::unexpected(reader.error());
  return {};
}

bool json_patcher::parse_path(std::string_view path, std::size_t path_at) {
  legs_.clear();
  std::size_t at = 0;
  auto bad = [&] { return fail(decode_errc::bad_value, path_at + at, "JSON path"); };
  skip_space(path, at);
  if (at == path.size() || path[at] != '$') return bad();
  ++at;
  for (;;) {
    skip_space(path, at);
    if (at == path.size()) return true;
    if (legs_.size() >= max_json_depth) return fail(decode_errc::limit_exceeded, path_at + at, "JSON path");
    leg next;
    if (path[at] == '.') {
      skip_space(path, ++at);
      next.member = true;
      if (at < path.size() && path[at] == '"') {
        std::string& name = names_.emplace_back();
        if (!take_quoted(path, ++at, name)) return bad();
        next.name = name;
      } else {
        std::size_t end = std::min(path.find_first_of(".[ *", at), path.size());
        next.name = path.substr(at, end - at);
        if (next.name.empty()) return bad();
        at = end;
      }
      if (next.name.size() > 0xffff) return bad();
    } else if (path[at] == '[') {
      skip_space(path, ++at);
      if (path.substr(at).starts_with("last")) {
        at += 4;
        next.from_end = true;
        skip_space(path, at);
        if (at < path.size() && path[at] == '-') skip_space(path, ++at);
      }
      auto [end, error] = std::from_chars(path.data() + at, path.data() + path.size(), next.index);
      bool number = error == std::errc{};
      if (!number && !next.from_end) return bad();
      if (number) at = static_cast<std::size_t>(end - path.data());
      skip_space(path, at);
      if (at == path.size() || path[at] != ']') return bad();
      ++at;
    } else {
      return bad();
    }
    legs_.push_back(next);
  }
}

bool json_patcher::open(child& what) {
  if (what.node != closed) return true;
  detail::json_container container;
  const std::uint8_t* origin = origin_of(what);
  if (!detail::open_json(what.value(), container, origin, error_)) return fail_in(what);
  children_ += container.count;
  if (children_ > max_children) return fail(decode_errc::limit_exceeded, 0, "JSON elements");
  node opened;
  opened.object = container.object;
  opened.children.resize(container.count);
  for (std::uint32_t i = 0; i < container.count; ++i) {
    child& each = opened.children[i];
    detail::json_ref value;
    if (!detail::json_element(container, i, value, origin, error_)) return fail_in(what);
    each.type = value.type;
    each.data = value.bytes.data();
    each.size = static_cast<std::uint32_t>(value.bytes.size());
    each.from_changes = what.from_changes;
    if (!container.object) continue;
    std::string_view key;
    if (!detail::json_key(container, i, key, origin, error_)) return fail_in(what);
    each.key = key.data();
    each.key_size = static_cast<std::uint16_t>(key.size());
  }
  what.node = static_cast<std::uint32_t>(nodes_.size());
  nodes_.push_back(std::move(opened));
  return true;
}

/// Null, without an error, if there is nothing of that name or place.
json_patcher::child* json_patcher::step(child& from, const leg& by) {
  if (!from.value().is_container() && from.node == closed) return nullptr;
  if (!open(from)) return nullptr;
  node& inside = nodes_[from.node];
  if (inside.object != by.member) return nullptr;
  if (!by.member) {
    std::size_t at = by.position(inside.children.size());
    return at < inside.children.size() ? &inside.children[at] : nullptr;
  }
  auto at = std::lower_bound(
      inside.children.begin(), inside.children.end(), by.name,
      [](const child& each, std::string_view name) { return shorter_or_less(each.name(), name); });
  return at != inside.children.end() && at->name() == by.name ? &*at : nullptr;
}

bool json_patcher::moved(std::size_t children) {
  moves_ += children;
  return moves_ <= max_moves || fail(decode_errc::limit_exceeded, 0, "JSON changes");
}

bool json_patcher::insert(node& into, const leg& where, const child& added, std::size_t path_at) {
  if (into.object != where.member) return fail(decode_errc::unknown_reference, path_at, "JSON path");
  auto at = into.children.begin();
  if (where.member) {
    at = std::lower_bound(at, into.children.end(), where.name, [](const child& each, std::string_view name) {
      return shorter_or_less(each.name(), name);
    });
    if (at != into.children.end() && at->name() == where.name)
      return fail(decode_errc::unknown_reference, path_at, "JSON path");
  } else {
    at += static_cast<std::ptrdiff_t>(where.position(into.children.size()));
  }
  if (++children_ > max_children) return fail(decode_errc::limit_exceeded, 0, "JSON elements");
  if (!moved(static_cast<std::size_t>(into.children.end() - at))) return false;
  into.children.insert(at, added);
  return true;
}

bool json_patcher::remove(node& from, const leg& which, std::size_t path_at) {
  if (from.object != which.member) return fail(decode_errc::unknown_reference, path_at, "JSON path");
  auto at = from.children.begin();
  if (which.member) {
    at = std::lower_bound(at, from.children.end(), which.name, [](const child& each, std::string_view name) {
      return shorter_or_less(each.name(), name);
    });
    if (at != from.children.end() && at->name() != which.name) at = from.children.end();
  } else {
    at += static_cast<std::ptrdiff_t>(which.position(from.children.size()));
  }
  if (at == from.children.end()) return fail(decode_errc::unknown_reference, path_at, "JSON path");
  if (!moved(static_cast<std::size_t>(from.children.end() - at))) return false;
  from.children.erase(at);
  return true;
}

bool json_patcher::apply(const json_diff_view& diff, std::size_t path_at) {
  if (!parse_path(diff.path, path_at)) return false;
  child added;
  detail::json_ref value = detail::json_root(diff.value);
  added.type = value.type;
  added.data = value.bytes.data();
  added.size = static_cast<std::uint32_t>(value.bytes.size());
  added.from_changes = true;
  if (legs_.empty()) {
    if (diff.operation != json_operation::replace) return fail(decode_errc::bad_value, path_at, "JSON path");
    root_ = added;
    return true;
  }
  child* at = &root_;
  std::size_t steps = legs_.size() - (diff.operation == json_operation::replace ? 0 : 1);
  for (std::size_t i = 0; i < steps; ++i) {
    at = step(*at, legs_[i]);
    if (!at)
      return error_.code == decode_errc::none && fail(decode_errc::unknown_reference, path_at, "JSON path");
  }
  if (diff.operation == json_operation::replace) {
    added.key = at->key;
    added.key_size = at->key_size;
    *at = added;
    return true;
  }
  if (!at->value().is_container() && at->node == closed)
    return fail(decode_errc::unknown_reference, path_at, "JSON path");
  if (!open(*at)) return false;
  const leg& last = legs_.back();
  added.key = last.name.data();
  added.key_size = static_cast<std::uint16_t>(last.name.size());
  node& parent = nodes_[at->node];
  return diff.operation == json_operation::insert ? insert(parent, last, added, path_at)
                                                  : remove(parent, last, path_at);
}

bool json_patcher::put_tree(text_buffer& out, std::size_t most) {
  struct level {
    std::uint32_t node;
    std::size_t next;
  };
  level levels[max_json_depth];
  std::size_t open = 0;
  const child* now = &root_;
  for (;;) {
    if (now->node == closed) {
      if (!detail::put_json_value(out, now->value(), open, most, origin_of(*now), error_))
        return fail_in(*now);
    } else {
      if (open == max_json_depth) return fail(decode_errc::limit_exceeded, 0, "JSON depth");
      levels[open++] = {now->node, 0};
      out.put(nodes_[now->node].object ? '{' : '[');
    }
    while (open && levels[open - 1].next == nodes_[levels[open - 1].node].children.size())
      out.put(nodes_[levels[--open].node].object ? '}' : ']');
    if (!open) return true;
    level& top = levels[open - 1];
    const node& inside = nodes_[top.node];
    if (top.next) out.put(", ");
    now = &inside.children[top.next++];
    if (inside.object) {
      detail::put_json_string(out, now->name());
      out.put(": ");
    }
  }
}

decoded<void> json_patcher::put(text_buffer& out, byte_view document, byte_view changes) {
  document_ = document;
  changes_ = changes;
  nodes_.clear();
  names_.clear();
  children_ = 0;
  moves_ = 0;
  error_ = {};
  detail::json_ref root = detail::json_root(document);
  root_ = {};
  root_.type = root.type;
  root_.data = root.bytes.data();
  root_.size = static_cast<std::uint32_t>(root.bytes.size());
  json_diff_reader reader(changes);
  json_diff_view diff;
  while (reader.next(diff)) {
    auto path_at = static_cast<std::size_t>(as_bytes(diff.path).data() - changes.data());
    if (!apply(diff, document.size() + path_at)) return std::unexpected(error_);
  }
  if (!reader.ok()) {
    error_ = reader.error();
    error_.offset += document.size();
    return std::unexpected(error_);
  }
  std::size_t most = out.size() + detail::most_json_text(document.size() + changes.size());
  if (!put_tree(out, most)) return std::unexpected(error_);
  return {};
}

}  // namespace tidewire::binlog
