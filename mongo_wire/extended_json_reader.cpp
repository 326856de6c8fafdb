#include "mongo_wire/extended_json_reader.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <limits>
#include <string>

#include "core/json.hpp"
#include "mongo_wire/type_wrapper.hpp"
#include "mongo_wire/utf8.hpp"

namespace tidewire::mongo_wire {
namespace {

/// An object or array whose end has not come yet.
struct open_level {
  std::size_t at = 0;       // of its length field
  std::size_t type_at = 0;  // of its type byte; the outermost has none
  std::size_t text_at = 0;  // of its bracket
  std::uint32_t depth = 1;  // in the BSON: a wrapper vanishes, and what is in it moves up
  bool array = false;
  bool special = false;      // an object with a key that only wrappers have
  std::uint32_t fields = 0;  // so far
  wrapped_fields wrapped;
};

class reader {
 public:
  reader(std::string_view text, std::vector<std::uint8_t>& out, std::uint32_t max_depth)
      : text_(text), out_(out), max_depth_(std::min(max_depth, depth_ceiling)) {}

  decoded<void> read() {
    if (!is_utf8(as_bytes(text_))) fail_at(utf8_prefix(as_bytes(text_)), decode_errc::bad_value, "JSON text");
    blank();
    expect('{');
    if (ok()) open(false, 0);
    while (ok() && !levels_.empty()) step();
    blank();
    if (ok() && at_ != text_.size()) fail(decode_errc::trailing_bytes, "JSON text");
    if (!ok()) return std::unexpected(error_);
    return {};
  }

 private:
  bool ok() const { return error_.code == decode_errc::none; }
  void fail_at(std::size_t at, decode_errc code, const char* field) {
    if (ok()) error_ = {code, at, field};
  }
  void fail(decode_errc code, const char* field) { fail_at(at_, code, field); }
  /// What is at the current place is not what belongs there, or it is not there.
  void wrong(const char* field) {
    fail(at_ == text_.size() ? decode_errc::truncated : decode_errc::bad_value, field);
  }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void blank() {
    while (at_ < text_.size() && std::string_view(" \n\t\r").contains(text_[at_])) ++at_;
  }
  bool take(char c) { return at_ < text_.size() && text_[at_] == c && (++at_, true); }
  void expect(char c) {
    if (!take(c)) wrong(c == '{' ? "JSON object" : "JSON punctuation");
  }

  void open(bool array, std::size_t type_at) {
    open_level level;
    if (!levels_.empty()) level.depth = levels_.back().depth + !levels_.back().special;
    // A value's wrappers may lie deeper than a document may: {"$dbPointer":{"$id":{"$oid":…}}}. Scopes lie in
    // one wrapper each.
    if (level.depth > max_depth_ + 2 || levels_.size() > 2 * max_depth_ + 2)
      return fail_at(at_ - 1, decode_errc::limit_exceeded, "document depth");
    level.at = out_.size();
    level.type_at = type_at;
    level.text_at = at_ - 1;
    level.array = array;
    levels_.push_back(level);
    append(std::uint32_t{0});
  }

  /// The end of what is open, or its next element.
  void step() {
    open_level& level = levels_.back();
    blank();
    if (take(level.array ? ']' : '}')) return close();
    if (level.fields != 0) {
      expect(',');
      blank();
    }
    std::size_t type_at = out_.size();
    out_.push_back(0);
    if (level.array)
      index(level.fields);
    else
      key(level);
    if (!ok()) return;
    ++level.fields;
    blank();
    value(type_at);
  }

  void index(std::uint32_t number) {
    char digits[10];
    char* end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    out_.insert(out_.end(), digits, end);
    out_.push_back(0);
  }

  void key(open_level& level) {
    std::size_t begin = out_.size();
    std::size_t text_at = at_;
    string();
    if (!ok()) return;
    byte_view name = byte_view(out_).subspan(begin);
    if (std::ranges::find(name, 0) != name.end())
      return fail_at(text_at, decode_errc::bad_value, "element name");
    if (is_wrapper_key(as_text(name))) level.special = true;
    out_.push_back(0);
    blank();
    expect(':');
  }

  void value(std::size_t type_at) {
    switch (peek()) {
      case '{': ++at_; return open(false, type_at);
      case '[': ++at_; return open(true, type_at);
      case '"': {
        set_type(type_at, bson_type::string);
        std::size_t length_at = out_.size();
        append(std::uint32_t{0});
        string();
        out_.push_back(0);
        store_le(out_.data() + length_at, static_cast<std::uint32_t>(out_.size() - length_at - 4));
        return;
      }
      case 't':
      case 'f': {
        bool truth = peek() == 't';
        word(truth ? "true" : "false");
        set_type(type_at, bson_type::boolean);
        out_.push_back(truth);
        return;
      }
      case 'n': word("null"); return set_type(type_at, bson_type::null);
      default: return number(type_at);
    }
  }

  void set_type(std::size_t type_at, bson_type type) { out_[type_at] = static_cast<std::uint8_t>(type); }

  template <class T>
  void append(T value) {
    std::size_t at = out_.size();
    out_.resize(at + sizeof value);
    store_le(out_.data() + at, value);
  }

  void word(std::string_view expected) {
    if (!text_.substr(at_).starts_with(expected)) return wrong("JSON value");
    at_ += expected.size();
  }

  void number(std::size_t type_at) {
    std::size_t begin = at_;
    while (at_ < text_.size() && std::string_view("+-.eE0123456789").contains(text_[at_])) ++at_;
    std::string_view text = text_.substr(begin, at_ - begin);
    if (text.empty()) return wrong("JSON value");
    if (!json::is_number(text)) return fail_at(begin, decode_errc::bad_value, "JSON number");
    if (text.find_first_of(".eE") == text.npos) {
      std::int64_t whole = 0;
      auto parsed = std::from_chars(text.data(), text.data() + text.size(), whole);
      if (parsed.ec == std::errc{}) {
        if (whole == static_cast<std::int32_t>(whole)) {
          set_type(type_at, bson_type::int32);
          append(static_cast<std::int32_t>(whole));
        } else {
          set_type(type_at, bson_type::int64);
          append(whole);
        }
        return;
      }
    }
    auto real = parse_finite(text);
    if (!real) return fail_at(begin, decode_errc::limit_exceeded, "JSON number");
    set_type(type_at, bson_type::float64);
    append(std::bit_cast<std::uint64_t>(*real));
  }

  /// A JSON string's characters, without quotes and escapes.
  void string() {
    if (!take('"')) return wrong("JSON string");
    for (;;) {
      std::size_t begin = at_;
      while (at_ < text_.size() && !json::must_escape(static_cast<unsigned char>(text_[at_]))) ++at_;
      out_.insert(out_.end(), text_.begin() + static_cast<std::ptrdiff_t>(begin),
                  text_.begin() + static_cast<std::ptrdiff_t>(at_));
      if (take('"')) return;
      if (!take('\\')) return wrong("JSON string");
      escape();
      if (!ok()) return;
    }
  }

  void escape() {
    char c = peek();
    if (c == 'u') {
      ++at_;
      return escaped_character();
    }
    constexpr std::string_view letters = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
    std::size_t which = letters.find(c);
    if (at_ == text_.size() || which == letters.npos) return wrong("JSON escape");
    ++at_;
    out_.push_back(static_cast<std::uint8_t>(meanings[which]));
  }

  std::uint32_t four_digits() {
    std::uint32_t unit = 0;
    const char* from = text_.data() + at_;
    const char* to = from + std::min<std::size_t>(4, text_.size() - at_);
    auto parsed = std::from_chars(from, to, unit, 16);
    if (parsed.ptr != from + 4) return wrong("JSON escape"), 0;
    at_ += 4;
    return unit;
  }

  void escaped_character() {
    std::size_t begin = at_ - 2;
    std::uint32_t c = four_digits();
    if (c >= 0xd800 && c < 0xdc00 && text_.substr(at_).starts_with("\\u")) {
      at_ += 2;
      std::uint32_t low = four_digits();
      if (low >= 0xdc00 && low < 0xe000) c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }
    if (ok() && c >= 0xd800 && c < 0xe000) fail_at(begin, decode_errc::bad_value, "JSON escape");
    auto put = [&](std::uint32_t byte) { out_.push_back(static_cast<std::uint8_t>(byte)); };
    if (c < 0x80) return put(c);
    if (c < 0x800) {
      put(0xc0 | c >> 6);
    } else {
      if (c < 0x10000) {
        put(0xe0 | c >> 12);
      } else {
        put(0xf0 | c >> 18);
        put(0x80 | (c >> 12 & 0x3f));
      }
      put(0x80 | (c >> 6 & 0x3f));
    }
    put(0x80 | (c & 0x3f));
  }

  void close() {
    open_level level = levels_.back();
    levels_.pop_back();
    out_.push_back(0);
    std::size_t size = out_.size() - level.at;
    if (size > max_document_bytes)
      return fail_at(level.text_at, decode_errc::limit_exceeded, "document length");
    store_le(out_.data() + level.at, static_cast<std::uint32_t>(size));
    bool outermost = levels_.empty();
    if (!outermost && level.special) return unwrap(level);
    if (level.depth > max_depth_ && (outermost || !levels_.back().special)) return too_deep(level);
    if (outermost) return;
    set_type(level.type_at, level.array ? bson_type::array : bson_type::document);
    levels_.back().wrapped.inside = level.wrapped.direct != 0;
  }

  void too_deep(const open_level& level) {
    fail_at(level.text_at, decode_errc::limit_exceeded, "document depth");
  }

  void unwrap(const open_level& level) {
    byte_view object = byte_view(out_).subspan(level.at);
    unwrapped_.clear();
    auto type = unwrap_type(object, level.wrapped, unwrapped_);
    if (!type) return fail_at(level.text_at, type.error().code, type.error().field);
    if (*type == bson_type::code_w_scope && level.depth > max_depth_) return too_deep(level);
    out_.resize(level.at);
    out_.insert(out_.end(), unwrapped_.begin(), unwrapped_.end());
    set_type(level.type_at, *type);
    open_level& parent = levels_.back();
    if (parent.fields <= 8) parent.wrapped.direct |= static_cast<std::uint8_t>(1u << (parent.fields - 1));
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<std::uint8_t>& out_;
  std::vector<std::uint8_t> unwrapped_;
  std::vector<open_level> levels_;
  std::uint32_t max_depth_;
  decode_error error_;
};

}  // namespace

decoded<void> parse_extended_json(std::string_view text, std::vector<std::uint8_t>& bson,
                                  std::uint32_t max_depth) {
  std::size_t begin = bson.size();
  decoded<void> done = reader(text, bson, max_depth).read();
  if (!done) bson.resize(begin);
  return done;
}

}  // namespace tidewire::mongo_wire
