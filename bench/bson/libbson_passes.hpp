// The same with libbson, MongoDB's own C library.
#pragma once

#include <bson/bson.h>

#include "bench/bson/passes.hpp"

namespace tidewire::bench {

inline void libbson_iterate(bson_iter_t& iter, bson_tally& seen) {
  while (bson_iter_next(&iter)) {
    bson_type_t type = bson_iter_type_unsafe(&iter);
    ++seen.elements;
    seen.name_bytes += bson_iter_key_len(&iter);
    seen.types += static_cast<std::uint64_t>(type);
    bson_iter_t inside;
    if ((type == BSON_TYPE_DOCUMENT || type == BSON_TYPE_ARRAY) && bson_iter_recurse(&iter, &inside))
      libbson_iterate(inside, seen);
  }
  if (iter.err_off != 0) die("libbson does not understand", "a document");
}

inline bson_t libbson_document(byte_view bytes) {
  bson_t document;
  if (!bson_init_static(&document, bytes.data(), bytes.size())) die("libbson does not take", "a document");
  return document;
}

[[gnu::noinline]] inline bson_tally libbson_iter_pass(const corpus& of) {
  bson_tally seen;
  for (byte_view body : of.bodies) {
    bson_t document = libbson_document(body);
    bson_iter_t iter;
    bson_iter_init(&iter, &document);
    libbson_iterate(iter, seen);
  }
  return seen;
}

/// It reads all texts; Debian's 1.23 then finds a document with one that is not UTF-8 valid all the same.
[[gnu::noinline]] inline bson_tally libbson_validate_pass(const corpus& of) {
  bson_tally seen;
  constexpr auto flags =
      static_cast<bson_validate_flags_t>(BSON_VALIDATE_UTF8 | BSON_VALIDATE_UTF8_ALLOW_NULL);
  for (byte_view body : of.bodies) {
    bson_t document = libbson_document(body);
    if (!bson_validate(&document, flags, nullptr)) die("libbson finds not valid", of.name);
  }
  return seen;
}

/// The events alone, whose places are known.
[[gnu::noinline]] inline bson_tally libbson_json_pass(const corpus& of) {
  bson_tally seen;
  for (byte_view event : of.events) {
    bson_t document = libbson_document(event);
    std::size_t length = 0;
    char* text = bson_as_relaxed_extended_json(&document, &length);
    if (!text) die("libbson does not write", of.name);
    seen.output_bytes += length;
    ++seen.events;
    bson_free(text);
  }
  return seen;
}

/// The same JSON, but for spaces and how numbers are written: libbson gives doubles twenty digits.
inline bool same_json(std::string_view ours, std::string_view theirs) {
  const char* a = ours.data();
  const char* b = theirs.data();
  const char* a_end = a + ours.size();
  const char* b_end = b + theirs.size();
  bool in_string = false;
  auto digit = [](char c) { return c == '-' || (c >= '0' && c <= '9'); };
  while (a != a_end && b != b_end) {
    if (!in_string) {
      while (b != b_end && *b == ' ') ++b;
      if (b != b_end && digit(*a) && digit(*b)) {
        char *a_after = nullptr, *b_after = nullptr;
        if (std::strtod(a, &a_after) != std::strtod(b, &b_after)) return false;
        a = a_after, b = b_after;
        continue;
      }
    }
    if (b == b_end || *a != *b) return false;
    if (*a == '\\') {
      ++a, ++b;
      if (a == a_end || b == b_end || *a != *b) return false;
    } else if (*a == '"') {
      in_string = !in_string;
    }
    ++a, ++b;
  }
  while (b != b_end && *b == ' ') ++b;
  return a == a_end && b == b_end;
}

/// Every event of the corpus.
inline void compare_with_libbson(const corpus& of) {
  json::buffer text;
  for (byte_view event : of.events) {
    text.clear();
    good(mongo_wire::put_extended_json(text, good(mongo_wire::decode_document(event))));
    bson_t document = libbson_document(event);
    std::size_t length = 0;
    char* theirs = bson_as_relaxed_extended_json(&document, &length);
    bool same = theirs && same_json(text.view(), {theirs, length});
    bson_free(theirs);
    if (!same) die("libbson writes other JSON of", of.name);
  }
}

}  // namespace tidewire::bench
