// What a server answers to a command: whether it worked, why not, and the batch of a cursor.
#pragma once

#include "mongo_wire/bson.hpp"

namespace tidewire::mongo_wire {

/// Borrows the reply.
struct cursor_view {
  std::int64_t id = 0;                // 0: there is nothing more to get
  std::string_view ns;                // "db.collection"
  bson_view batch;                    // an array
  bson_view post_batch_resume_token;  // size 0: none
};

/// Borrows the document. What a server may leave out is then empty.
struct reply_view {
  bool ok = false;
  std::int32_t code = 0;  // of an error
  std::string_view code_name;
  std::string_view message;
  bson_view labels;  // an array of strings; size 0: none
  std::optional<bson_timestamp> operation_time;
  bson_view cluster_time;  // opaque, to be sent back; size 0: none
  std::optional<cursor_view> cursor;
};

namespace detail {

/// Field by field; a field of another type than it must have is bad_value at that field.
class field_check {
 public:
  template <class T>
  void take(const element_view& from, std::optional<T> value, T& to, const char* name) {
    if (value)
      to = *value;
    else
      fail(from, name);
  }
  void fail(const element_view& from, const char* name) {
    if (error_.code == decode_errc::none) error_ = {decode_errc::bad_value, from.element_offset(), name};
  }
  void also(const decode_error& error) {
    if (error_.code == decode_errc::none) error_ = error;
  }
  const decode_error& error() const { return error_; }
  bool ok() const { return error_.code == decode_errc::none; }

 private:
  decode_error error_;
};

}  // namespace detail

inline decoded<cursor_view> decode_cursor(bson_view of) {
  cursor_view cursor;
  detail::field_check check;
  bson_reader reader(of);
  bool batch = false;
  for (element_view each; reader.next(each);) {
    if (each.name == "id") {
      check.take(each, each.as_integer(), cursor.id, "cursor.id");
    } else if (each.name == "ns") {
      check.take(each, each.as_string(), cursor.ns, "cursor.ns");
    } else if (each.name == "firstBatch" || each.name == "nextBatch") {
      check.take(each, each.as_array(), cursor.batch, "cursor batch");
      batch = true;
    } else if (each.name == "postBatchResumeToken") {
      check.take(each, each.as_document(), cursor.post_batch_resume_token, "cursor.postBatchResumeToken");
    }
  }
  if (!reader.ok()) check.also(reader.error());
  if (!batch) check.also({decode_errc::bad_value, of.offset, "cursor batch"});
  if (!check.ok()) return std::unexpected(check.error());
  return cursor;
}

/// Fields of a type that they can't have are bad_value, other fields are left alone.
inline decoded<reply_view> decode_reply(bson_view of) {
  reply_view reply;
  detail::field_check check;
  bson_reader reader(of);
  std::int64_t code = 0;
  for (element_view each; reader.next(each);) {
    if (each.name == "ok") {
      check.take(each, each.as_truth(), reply.ok, "ok");
    } else if (each.name == "code") {
      check.take(each, each.as_integer(), code, "code");
    } else if (each.name == "codeName") {
      check.take(each, each.as_string(), reply.code_name, "codeName");
    } else if (each.name == "errmsg") {
      check.take(each, each.as_string(), reply.message, "errmsg");
    } else if (each.name == "errorLabels") {
      check.take(each, each.as_array(), reply.labels, "errorLabels");
    } else if (each.name == "operationTime") {
      if (auto at = each.as_timestamp())
        reply.operation_time = *at;
      else
        check.fail(each, "operationTime");
    } else if (each.name == "$clusterTime") {
      check.take(each, each.as_document(), reply.cluster_time, "$clusterTime");
    } else if (each.name == "cursor" && each.type == bson_type::document) {
      auto cursor = decode_cursor(*each.as_document());
      if (cursor)
        reply.cursor = *cursor;
      else
        check.also(cursor.error());
    }
  }
  if (!reader.ok()) check.also(reader.error());
  if (!check.ok()) return std::unexpected(check.error());
  reply.code = static_cast<std::int32_t>(code);
  return reply;
}

/// Whether a failed reply carries this label.
inline bool has_label(const reply_view& reply, std::string_view label) {
  bson_reader reader(reply.labels);
  for (element_view each; reader.next(each);)
    if (each.as_string() == label) return true;
  return false;
}

}  // namespace tidewire::mongo_wire
