#include "core/scram_message.hpp"

#include <algorithm>

#include "core/cursor.hpp"

namespace tidewire {
namespace {

/// Attributes are a letter, '=', and a value up to the next comma.
class attributes {
 public:
  explicit attributes(std::string_view message) : in_(as_bytes(message)) {
    if (message.size() > max_scram_message_bytes) in_.fail(decode_errc::limit_exceeded, "message");
  }

  /// The attribute that must come next. `name`: its letter.
  std::string_view take(char name, const char* field) {
    if (!separate(field)) return {};
    return value(name, field);
  }

  /// Up to the end: what may follow and says nothing to us.
  void skip_extensions() {
    while (in_.ok() && in_.remaining() != 0) {
      if (!separate("extension")) return;
      std::size_t start = in_.offset();
      auto name = static_cast<char>(in_.u8("extension"));
      if (name == 'm') return in_.fail_at(start, decode_errc::bad_state, "mandatory extension");
      char lower = static_cast<char>(name | 0x20);
      if (in_.ok() && (lower < 'a' || lower > 'z'))
        return in_.fail_at(start, decode_errc::bad_value, "extension");
      if (in_.u8("extension") != '=' && in_.ok())
        return in_.fail_at(start, decode_errc::bad_value, "extension");
      if (text("extension").empty()) in_.fail_at(start, decode_errc::bad_value, "extension");
    }
  }

  /// The letter of the attribute that comes next, or 0.
  char next() const {
    cursor ahead = in_;
    return static_cast<char>(ahead.u8(""));
  }

  std::size_t value_offset() const { return value_offset_; }
  void refuse(decode_errc code, const char* field) { in_.fail_at(value_offset_, code, field); }

  template <class T>
  decoded<T> finish(T result) {
    return in_.finish(result);
  }

 private:
  bool separate(const char* field) {
    if (in_.offset() == 0) return in_.ok();
    std::size_t start = in_.offset();
    if (in_.u8(field) != ',' && in_.ok()) in_.fail_at(start, decode_errc::bad_value, field);
    return in_.ok();
  }

  std::string_view value(char name, const char* field) {
    std::size_t start = in_.offset();
    auto letter = static_cast<char>(in_.u8(field));
    auto equals = in_.u8(field);
    if (!in_.ok()) return {};
    if (letter == 'm')
      return in_.fail_at(start, decode_errc::bad_state, "mandatory extension"), std::string_view{};
    if (letter != name || equals != '=')
      return in_.fail_at(start, decode_errc::unknown_tag, field), std::string_view{};
    return text(field);
  }

  /// Up to a comma or the end.
  std::string_view text(const char* field) {
    value_offset_ = in_.offset();
    cursor ahead = in_;
    std::string_view rest = as_text(ahead.rest());
    std::string_view taken = in_.text(std::min(rest.find(','), rest.size()), field);
    if (std::ranges::find(taken, '\0') != taken.end()) refuse(decode_errc::bad_value, field);
    return taken;
  }

  cursor in_;
  std::size_t value_offset_ = 0;
};

bool is_base64(std::string_view text) {
  std::size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  return text.size() % 4 == 0 && std::ranges::all_of(text.substr(0, text.size() - padding), [](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
                  c == '/';
         });
}

}  // namespace

decoded<scram_server_first_view> decode_scram_server_first(std::string_view message) {
  attributes in(message);
  scram_server_first_view m;
  m.nonce = in.take('r', "nonce");
  if (m.nonce.size() > max_scram_nonce_bytes) in.refuse(decode_errc::limit_exceeded, "nonce");
  if (m.nonce.empty() || !std::ranges::all_of(m.nonce, [](char c) { return c > 0x20 && c < 0x7f; }))
    in.refuse(decode_errc::bad_value, "nonce");
  m.salt = in.take('s', "salt");
  if (m.salt.size() > (max_scram_salt_bytes + 2) / 3 * 4) in.refuse(decode_errc::limit_exceeded, "salt");
  if (m.salt.empty() || !is_base64(m.salt)) in.refuse(decode_errc::bad_value, "salt");
  std::string_view count = in.take('i', "iteration count");
  if (count.empty() || count[0] == '0' ||
      !std::ranges::all_of(count, [](char c) { return c >= '0' && c <= '9'; }))
    in.refuse(decode_errc::bad_value, "iteration count");
  for (char digit : count.substr(0, 9))
    m.iterations = m.iterations * 10 + static_cast<std::uint64_t>(digit - '0');
  if (count.size() > 9 || m.iterations > max_scram_iterations)
    in.refuse(decode_errc::limit_exceeded, "iteration count");
  in.skip_extensions();
  return in.finish(m);
}

decoded<scram_server_final_view> decode_scram_server_final(std::string_view message) {
  attributes in(message);
  scram_server_final_view m;
  if (in.next() == 'e') {
    m.error = in.take('e', "error");
    if (m.error.empty()) in.refuse(decode_errc::bad_value, "error");
  } else {
    m.verifier = in.take('v', "verifier");
    if (m.verifier.empty() || !is_base64(m.verifier)) in.refuse(decode_errc::bad_value, "verifier");
  }
  in.skip_extensions();
  return in.finish(m);
}

}  // namespace tidewire
