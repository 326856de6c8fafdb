// One event of a change stream.
// https://www.mongodb.com/docs/manual/reference/change-events/
#pragma once

#include "mongo_wire/reply.hpp"
#include "mongo_wire/resume_token.hpp"

namespace tidewire::mongo_wire {

/// Borrows the event. Elements that it does not have are false; which ones it has depends on the operation,
/// the server's version and what the stream asked for.
struct change_event_view {
  bson_view whole;
  bson_view token;             // _id
  std::string_view token_hex;  // its text, as every server makes it; empty: it is another one
  element_view operation;      // a string, the server's own name; later versions have more of them
  std::optional<bson_timestamp> cluster_time;
  std::optional<std::int64_t> wall_time_ms;
  element_view db, collection;
  element_view to_db, to_collection;  // of a rename
  element_view document_key;
  element_view full_document;  // may be null: looked up and not there any more
  element_view before;         // fullDocumentBeforeChange; may be null too
  element_view updated_fields, removed_fields, truncated_arrays, disambiguated_paths;
  element_view details;  // operationDescription
  element_view state_before_change;
  element_view collection_uuid;
  element_view session_id;  // lsid
  std::optional<std::int64_t> transaction;
  std::int64_t fragment = 0;   // splitEvent: this one, from 1
  std::int64_t fragments = 0;  // of how many; 0: not split
};

namespace detail {

class change_event_decoder {
 public:
  explicit change_event_decoder(change_event_view& to) : event_(to) {}

  /// What is wrong with it, if anything is.
  decode_error decode(bson_view event) {
    event_.whole = event;
    bson_reader reader(event);
    for (element_view each; reader.next_here(each);) field(each);
    if (!reader.ok()) check_.also(reader.error());
    if (event_.token.size == 0) check_.also({decode_errc::bad_value, event.offset, "_id"});
    if (!event_.operation && event_.fragments == 0)
      check_.also({decode_errc::bad_value, event.offset, "operationType"});
    if (auto hex = token_hex(event_.token)) event_.token_hex = *hex;
    return check_.error();
  }

 private:
  void field(const element_view& each) {
    // The first letter spares most comparisons.
    switch (each.name.empty() ? '\0' : each.name[0]) {
      case '_':
        if (each.name == "_id") check_.take(each, each.as_document(), event_.token, "_id");
        return;
      case 'o':
        if (each.name == "operationType") keep(each, event_.operation, each.type == bson_type::string);
        if (each.name == "operationDescription") keep(each, event_.details, is_document(each));
        return;
      case 'c':
        if (each.name == "clusterTime") set(each, event_.cluster_time, each.as_timestamp());
        if (each.name == "collectionUUID") keep(each, event_.collection_uuid, each.type == bson_type::binary);
        return;
      case 'w':
        if (each.name == "wallTime") set(each, event_.wall_time_ms, each.as_date_time());
        return;
      case 'n':
        if (each.name == "ns") names(each, event_.db, event_.collection);
        return;
      case 't':
        if (each.name == "to") names(each, event_.to_db, event_.to_collection);
        if (each.name == "txnNumber") set(each, event_.transaction, each.as_integer());
        return;
      case 'd':
        if (each.name == "documentKey") keep(each, event_.document_key, is_document(each));
        return;
      case 'f':
        if (each.name == "fullDocument") keep(each, event_.full_document, is_document(each) || is_null(each));
        if (each.name == "fullDocumentBeforeChange")
          keep(each, event_.before, is_document(each) || is_null(each));
        return;
      case 'u':
        if (each.name == "updateDescription") update(each);
        return;
      case 's':
        if (each.name == "splitEvent") split(each);
        if (each.name == "stateBeforeChange") keep(each, event_.state_before_change, is_document(each));
        return;
      case 'l':
        if (each.name == "lsid") keep(each, event_.session_id, is_document(each));
        return;
      default: return;
    }
  }

  static bool is_document(const element_view& of) { return of.type == bson_type::document; }
  static bool is_null(const element_view& of) { return of.type == bson_type::null; }

  void keep(const element_view& each, element_view& to, bool right_type) {
    if (!right_type) return wrong(each);
    to = each;
  }
  template <class T>
  void set(const element_view& each, std::optional<T>& to, std::optional<T> value) {
    if (!value) return wrong(each);
    to = value;
  }
  void wrong(const element_view& each) { check_.fail(each, "change event field"); }

  /// The elements of a document inside the event.
  template <class Take>
  void inside(const element_view& of, Take take) {
    auto document = of.as_document();
    if (!document) return wrong(of);
    bson_reader reader(*document);
    for (element_view each; reader.next_here(each);) take(each);
    if (!reader.ok()) check_.also(reader.error());
  }

  void names(const element_view& of, element_view& db, element_view& collection) {
    inside(of, [&](const element_view& each) {
      if (each.name == "db") keep(each, db, each.type == bson_type::string);
      if (each.name == "coll") keep(each, collection, each.type == bson_type::string);
    });
  }

  void update(const element_view& of) {
    inside(of, [&](const element_view& each) {
      bool array = each.type == bson_type::array;
      if (each.name == "updatedFields") keep(each, event_.updated_fields, is_document(each));
      if (each.name == "removedFields") keep(each, event_.removed_fields, array);
      if (each.name == "truncatedArrays") keep(each, event_.truncated_arrays, array);
      if (each.name == "disambiguatedPaths") keep(each, event_.disambiguated_paths, is_document(each));
    });
  }

  void split(const element_view& of) {
    inside(of, [&](const element_view& each) {
      if (each.name == "fragment")
        check_.take(each, each.as_integer(), event_.fragment, "splitEvent.fragment");
      if (each.name == "of") check_.take(each, each.as_integer(), event_.fragments, "splitEvent.of");
    });
    if (event_.fragments < 1 || event_.fragment < 1 || event_.fragment > event_.fragments)
      check_.fail(of, "splitEvent");
  }

  change_event_view& event_;
  field_check check_;
};

}  // namespace detail

/// Known fields must have their types; an operation or a field that nobody knows yet is no error. The
/// documents inside are not checked.
inline decoded<change_event_view> decode_change_event(bson_view event) {
  decoded<change_event_view> result(std::in_place);  // filled where it is: it is large
  const decode_error error = detail::change_event_decoder(*result).decode(event);
  if (error.code != decode_errc::none) result = std::unexpected(error);
  return result;
}

}  // namespace tidewire::mongo_wire
