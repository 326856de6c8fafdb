#include "pgoutput/binary_search.hpp"

#include <algorithm>
#include <charconv>

namespace tidewire::pgoutput::binary {

namespace {

/// In quotes; quotes and backslashes in it are doubled.
void append_lexeme(std::string& out, std::string_view lexeme) {
  out.push_back('\'');
  for (char c : lexeme) {
    if (c == '\'' || c == '\\') out.push_back(c);
    out.push_back(c);
  }
  out.push_back('\'');
}

void append_number(std::string& out, unsigned number) {
  char digits[10];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

/// How many items follow, of at least `least` bytes each.
std::size_t read_count(cursor& in, std::size_t least, const char* field) {
  std::size_t at = in.offset();
  auto count = in.be<std::int32_t>(field);
  if (count < 0) return in.fail_at(at, decode_errc::bad_length, field), 0;
  if (static_cast<std::size_t>(count) > in.remaining() / least)
    return in.fail(decode_errc::truncated, field), 0;
  return static_cast<std::size_t>(count);
}

/// The items come in prefix order with the *right* operand first. So the text is made from its end to its
/// beginning, each piece reversed, and turned around at last: no operand is held back or moved.
class tsquery_writer {
 public:
  tsquery_writer(cursor& in, std::string& out, std::size_t items) : in_(in), out_(out), items_(items) {}

  /// `right_of_phrase`: it stands to the right of <->, where another one needs parentheses.
  void expression(int outer_priority, bool right_of_phrase, int depth) {
    if (depth > max_tsquery_depth) return in_.fail(decode_errc::limit_exceeded, "tsquery depth");
    std::size_t parentheses = 0;  // open on the left side, all at the very beginning
    for (;;) {
      std::size_t at = in_.offset();
      if (items_ == 0) return in_.fail(decode_errc::bad_value, "tsquery item count");
      --items_;
      std::uint8_t kind = in_.u8("tsquery item");
      if (!in_.ok()) return;
      if (kind == item_value) {
        operand();
        break;
      }
      if (kind != item_operator) return in_.fail_at(at, decode_errc::unknown_tag, "tsquery item");
      std::uint8_t op = in_.u8("tsquery operator");
      if (!in_.ok()) return;
      if (op == op_not) {
        expression(not_priority, false, depth + 1);
        put("!");
        break;
      }
      if (op != op_and && op != op_or && op != op_phrase)
        return in_.fail_at(at + 1, decode_errc::unknown_tag, "tsquery operator");
      int distance = op == op_phrase ? in_.be<std::uint16_t>("tsquery distance") : 0;
      int priority = op == op_or ? 1 : op == op_and ? 2 : 3;
      if (priority < outer_priority || (op == op_phrase && right_of_phrase)) {
        put(" )");
        ++parentheses;
      }
      expression(priority, op == op_phrase, depth + 1);
      if (!in_.ok()) return;
      put_operator(op, distance);
      outer_priority = priority;
      right_of_phrase = false;
    }
    for (; parentheses != 0; --parentheses) put("( ");
  }

  std::size_t items_left() const { return items_; }

 private:
  enum : std::uint8_t { item_value = 1, item_operator = 2 };
  enum : std::uint8_t { op_not = 1, op_and = 2, op_or = 3, op_phrase = 4 };
  static constexpr int not_priority = 4;

  void put(std::string_view piece) { out_.append(piece.rbegin(), piece.rend()); }

  void operand() {
    std::size_t at = in_.offset();
    std::uint8_t weights = in_.u8("tsquery weights");
    std::uint8_t prefix = in_.u8("tsquery prefix");
    std::string_view lexeme = in_.cstring("tsquery lexeme");
    if (in_.ok() && weights > 15) in_.fail_at(at, decode_errc::bad_value, "tsquery weights");
    std::size_t from = out_.size();
    append_lexeme(out_, lexeme);
    if (weights != 0 || prefix != 0) out_.push_back(':');
    if (prefix != 0) out_.push_back('*');
    for (unsigned i = 0; i < 4; ++i)
      if (weights >> (3 - i) & 1) out_.push_back(static_cast<char>('A' + i));
    std::reverse(out_.begin() + static_cast<std::ptrdiff_t>(from), out_.end());
  }

  void put_operator(std::uint8_t op, int distance) {
    if (op == op_and) return put(" & ");
    if (op == op_or) return put(" | ");
    if (distance == 1) return put(" <-> ");
    char text[12] = " <";
    char* end = std::to_chars(text + 2, text + 8, distance).ptr;
    end = std::copy_n("> ", 2, end);
    put({text, end});
  }

  cursor& in_;
  std::string& out_;
  std::size_t items_;
};

}  // namespace

void append_tsvector(cursor& in, std::string& out) {
  std::size_t count = read_count(in, 3, "tsvector lexeme count");
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    if (i != 0) out.push_back(' ');
    append_lexeme(out, in.cstring("tsvector lexeme"));
    std::size_t positions = in.be<std::uint16_t>("tsvector position count");
    for (std::size_t j = 0; j < positions && in.ok(); ++j) {
      auto position = in.be<std::uint16_t>("tsvector position");
      out.push_back(j == 0 ? ':' : ',');
      append_number(out, position & 0x3fffu);
      if (unsigned weight = position >> 14) out.push_back(static_cast<char>('D' - weight));
    }
  }
}

void append_tsquery(cursor& in, std::string& out) {
  std::size_t at = in.offset();
  std::size_t count = read_count(in, 2, "tsquery item count");
  if (!in.ok() || count == 0) return;
  std::size_t from = out.size();
  tsquery_writer writer(in, out, count);
  writer.expression(-1, false, 1);
  if (in.ok() && writer.items_left() != 0) in.fail_at(at, decode_errc::bad_value, "tsquery item count");
  std::reverse(out.begin() + static_cast<std::ptrdiff_t>(from), out.end());
}

}  // namespace tidewire::pgoutput::binary
