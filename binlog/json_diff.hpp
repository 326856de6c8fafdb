// The changes to a JSON document that Update_rows_partial events carry instead of the whole new one.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "binlog/json_binary.hpp"

namespace tidewire::binlog {

enum class json_operation : std::uint8_t {
  replace = 0,  // the value at the path
  insert = 1,   // a member that was not there, or an element before the one at the path
  remove = 2,
};

/// Borrows.
struct json_diff_view {
  json_operation operation = json_operation::replace;
  std::string_view path;  // $.name."quoted name"[3]
  byte_view value;        // binary JSON; nothing to remove
};

/// Hands out the changes in a cell of kind diff, in their order. Offsets of errors count from the cell's
/// start.
class json_diff_reader {
 public:
  explicit json_diff_reader(byte_view changes) : in_(changes) {}

  /// False at the end or after an error.
  bool next(json_diff_view& diff);

  bool ok() const { return in_.ok(); }
  const decode_error& error() const { return in_.error(); }
  /// Of the value that next() gave last.
  std::size_t value_offset() const { return value_at_; }

 private:
  cursor in_;
  std::size_t value_at_ = 0;
};

/// Appends the changes as a JSON array: [{"op": "replace", "path": "$.a", "value": 1}].
decoded<void> put_json_diffs(text_buffer& out, byte_view changes);

/// Applies changes to documents.
class json_patcher {
 public:
  /// Appends the text of `document` after `changes`. Errors, besides those of the documents themselves:
  /// bad_value for a path that is none, unknown_reference for one that leads nowhere (or, to be inserted,
  /// where something is already): the document is not the one that the changes were made for. Offsets of
  /// errors in the document count from its start; those in the changes from the changes' start plus
  /// document.size().
  decoded<void> put(text_buffer& out, byte_view document, byte_view changes);

 private:
  /// A value as it lies in its document, or an opened container.
  struct child {
    const char* key = nullptr;  // in objects
    const std::uint8_t* data = nullptr;
    std::uint32_t size = 0;
    std::uint32_t node = closed;  // an index into nodes_ once something inside of it changes
    std::uint16_t key_size = 0;
    detail::json_type type = detail::json_type::literal;
    bool from_changes = false;  // where the bytes are

    std::string_view name() const { return {key, key_size}; }
    detail::json_ref value() const { return {type, {data, size}}; }
  };
  struct node {
    bool object = false;
    std::vector<child> children;
  };
  struct leg {
    bool member = false;
    bool from_end = false;
    std::string_view name;
    std::uint64_t index = 0;

    /// Where in an array of that size; its size if beyond it.
    std::size_t position(std::size_t size) const {
      if (!from_end) return index < size ? static_cast<std::size_t>(index) : size;
      return index < size ? size - 1 - static_cast<std::size_t>(index) : size;
    }
  };
  static constexpr std::uint32_t closed = ~std::uint32_t{0};

  bool apply(const json_diff_view& diff, std::size_t path_at);
  bool parse_path(std::string_view path, std::size_t path_at);
  bool open(child& what);
  child* step(child& from, const leg& by);
  bool insert(node& into, const leg& where, const child& added, std::size_t path_at);
  bool remove(node& from, const leg& which, std::size_t path_at);
  bool put_tree(text_buffer& out, std::size_t most);
  bool moved(std::size_t children);
  const std::uint8_t* origin_of(const child& of) const {
    return of.from_changes ? changes_.data() : document_.data();
  }
  bool fail(decode_errc code, std::size_t at, const char* field) {
    error_ = {code, at, field};
    return false;
  }
  /// error_ is from inside a value: makes its offset count as promised.
  bool fail_in(const child& of) {
    if (of.from_changes) error_.offset += document_.size();
    return false;
  }

  byte_view document_;
  byte_view changes_;
  child root_;
  std::vector<node> nodes_;
  std::vector<leg> legs_;
  std::deque<std::string> names_;  // unescaped ones
  std::size_t children_ = 0;       // in all nodes
  std::uint64_t moves_ = 0;
  decode_error error_;
};

}  // namespace tidewire::binlog
