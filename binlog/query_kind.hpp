// What a logged statement is, as far as a change stream must know.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace tidewire::binlog {

enum class query_kind : std::uint8_t {
  begin,
  commit,
  rollback,     // of the whole transaction
  savepoint,    // set, released or rolled back to: changes nothing that row events don't show
  rollback_to,  // rows between the savepoint and here don't count
  xa_start,
  xa_end,
  xa_prepare,
  xa_commit,
  xa_rollback,
  change,    // INSERT, UPDATE, DELETE, … as text: the source does not log rows, and this change is lost to us
  truncate,  // empties a table
  ddl,       // commits whatever was open
  create_and_begin,  // CREATE TABLE … START TRANSACTION (of CREATE … SELECT): rows and an Xid follow
  other,             // SET, FLUSH, accounts and rights, comments alone: no effect on data
};

namespace detail {

/// Walks over a statement's words.
class word_reader {
 public:
  explicit word_reader(std::string_view sql) : left_(sql) {}

  /// The next word of letters in upper case, cut to 16 characters; any other character alone; empty at the
  /// end. The content of /*! and /*M! comments counts, because the server runs it.
  std::string_view next() {
    skip_space();
    size_ = 0;
    while (!left_.empty() && is_letter(left_[0])) {
      if (size_ < sizeof word_) word_[size_++] = static_cast<char>(left_[0] & ~0x20);
      left_.remove_prefix(1);
    }
    if (size_ == 0 && !left_.empty()) {
      word_[size_++] = left_[0];
      left_.remove_prefix(1);
    }
    return {word_, size_};
  }

  std::string_view rest() {
    skip_space();
    return left_;
  }
  /// Of MariaDB's SET STATEMENT variable=value FOR statement: moves behind FOR, wherever the values' strings
  /// end. False if there is none.
  bool skip_variables() {
    for (;;) {
      std::string_view word = next();
      if (word.empty()) return false;
      if (word == "FOR" && !left_.starts_with('_')) return true;
      if (word == "_") next();  // the middle of a variable's name
      if (word == "'" || word == "\"" || word == "`") skip_string(word[0]);
    }
  }

  /// What follows the last word immediately.
  std::string_view raw_rest() const { return left_; }

 private:
  static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }

  void skip_past(std::string_view end) {
    std::size_t at = left_.find(end);
    left_.remove_prefix(at == left_.npos ? left_.size() : at + end.size());
  }

  /// The rest of a string; a doubled quote begins the next one.
  void skip_string(char quote) {
    std::size_t at = 0;
    while (at < left_.size() && left_[at] != quote) at += left_[at] == '\\' && quote != '`' ? 2 : 1;
    left_.remove_prefix(std::min(at + 1, left_.size()));
  }

  void skip_space() {
    while (!left_.empty()) {
      char c = left_[0];
      if (c == ' ' || (c >= '\t' && c <= '\r')) {
        left_.remove_prefix(1);
      } else if (left_.starts_with("/*!") || left_.starts_with("/*M!")) {
        left_.remove_prefix(left_[2] == '!' ? 3 : 4);
        while (!left_.empty() && is_digit(left_[0])) left_.remove_prefix(1);
      } else if (left_.starts_with("/*")) {
        left_.remove_prefix(2);
        skip_past("*/");
      } else if (left_.starts_with("*/")) {
        left_.remove_prefix(2);
      } else if (c == '#' || left_ == "--" ||
                 (left_.starts_with("--") && left_.size() > 2 && left_[2] <= ' ')) {
        skip_past("\n");
      } else {
        break;
      }
    }
  }

  std::string_view left_;
  char word_[16];
  std::size_t size_ = 0;
};

}  // namespace detail

namespace detail {

/// Whether what follows CREATE, ALTER, DROP or RENAME is about accounts. Those statements hold password
/// hashes, and must not get among the changes.
inline bool is_account_statement(word_reader words) {
  std::string_view word = words.next();
  if (word == "OR") {  // CREATE OR REPLACE
    words.next();
    word = words.next();
  }
  return word == "USER" || word == "ROLE" || word == "SERVER";
}

}  // namespace detail

/// Unknown statements count as ddl: what is not understood must not pass for harmless.
inline query_kind classify_query(std::string_view sql) {
  detail::word_reader words(sql);
  std::string_view word = words.next();
  while (word == "(") word = words.next();
  if (word == "BEGIN") return query_kind::begin;
  if (word == "COMMIT") return query_kind::commit;
  if (word == "SAVEPOINT" || word == "RELEASE") return query_kind::savepoint;
  if (word == "ROLLBACK") {
    word = words.next();
    if (word == "WORK") word = words.next();
    return word == "TO" ? query_kind::rollback_to : query_kind::rollback;
  }
  if (word == "START") return words.next() == "TRANSACTION" ? query_kind::begin : query_kind::other;
  if (word == "XA") {
    word = words.next();
    if (word == "START" || word == "BEGIN") return query_kind::xa_start;
    if (word == "END") return query_kind::xa_end;
    if (word == "PREPARE") return query_kind::xa_prepare;
    if (word == "COMMIT") return query_kind::xa_commit;
    if (word == "ROLLBACK") return query_kind::xa_rollback;
    return query_kind::ddl;
  }
  for (const char* each : {"INSERT", "UPDATE", "DELETE", "REPLACE", "LOAD", "CALL", "DO", "WITH", "SELECT",
                           "VALUES", "HANDLER", "IMPORT"})
    if (word == each) return query_kind::change;
  if (word == "TRUNCATE") return query_kind::truncate;
  if (word == "SET") {
    // SET PASSWORD and SET DEFAULT ROLE change accounts; neither they nor variables change data.
    if (words.next() != "STATEMENT") return query_kind::other;
    // MariaDB: SET STATEMENT variable=value FOR statement
    if (!words.skip_variables()) return query_kind::ddl;
    std::string_view statement = words.rest();
    // One inside the other is not legal, and must not nest here either.
    return words.next() == "SET" ? query_kind::ddl : classify_query(statement);
  }
  for (const char* each : {"", "FLUSH", "ANALYZE", "OPTIMIZE", "REPAIR", "CHECK", "USE", "GRANT", "REVOKE"})
    if (word == each) return query_kind::other;
  bool may_be_account = word == "CREATE" || word == "ALTER" || word == "DROP" || word == "RENAME";
  if (may_be_account && detail::is_account_statement(words)) return query_kind::other;
  if (word == "CREATE") {
    while (!sql.empty() && (sql.back() == ' ' || sql.back() == ';')) sql.remove_suffix(1);
    if (sql.ends_with(" START TRANSACTION")) return query_kind::create_and_begin;
  }
  return query_kind::ddl;
}

}  // namespace tidewire::binlog
