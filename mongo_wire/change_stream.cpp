#include "mongo_wire/change_stream.hpp"

#include <algorithm>

namespace tidewire::mongo_wire {
namespace {

/// A cursor as the getMore commands need it.
struct open_cursor {
  std::int64_t id = 0;
  std::string database, collection;
};

void put_stage(bson_writer& to, const stream_settings& settings, const std::string& after) {
  to.open_document(item);
  to.open_document("$changeStream");
  if (settings.database.empty()) to.put_bool("allChangesForCluster", true);
  if (settings.full_document != "default") to.put_string("fullDocument", settings.full_document);
  if (settings.before != "off") to.put_string("fullDocumentBeforeChange", settings.before);
  if (settings.expanded) to.put_bool("showExpandedEvents", true);
  if (auto time = parse_time(after)) {
    to.put_timestamp("startAtOperationTime", *time);
  } else {
    auto token = parse_token(after);
    if (!token)
      throw failure{failure_kind::refused, "TW-POSITION-DAMAGED",
                    "the position " + after + " is no resume token",
                    "it was written by something else; remove the file only if you start anew"};
    // Goes on after an invalidate event too, where resumeAfter is refused.
    to.put_document("startAfter", *token);
  }
  to.close();
  to.close();
}

std::vector<std::uint8_t> aggregate(const stream_settings& settings, const std::string& after) {
  return command_fields([&](bson_writer& to) {
    to.put_int32("aggregate", 1);
    to.open_array("pipeline");
    put_stage(to, settings, after);
    if (settings.split) {
      to.open_document(item);
      to.open_document("$changeStreamSplitLargeEvent");
      to.close();
      to.close();
    }
    to.close();
    to.open_document("cursor");
    // An answer at once: events come with the first getMore.
    to.put_int32("batchSize", 0);
    to.close();
    to.open_document("readConcern");
    to.put_string("level", "majority");
    to.close();
  });
}

std::vector<std::uint8_t> get_more(const stream_settings& settings, const open_cursor& cursor) {
  return command_fields([&](bson_writer& to) {
    to.put_int64("getMore", cursor.id);
    to.put_string("collection", cursor.collection);
    if (settings.batch_size > 0) to.put_int32("batchSize", settings.batch_size);
    to.put_int64("maxTimeMS", settings.await_time.count());
  });
}

std::vector<std::uint8_t> kill(const open_cursor& cursor) {
  return command_fields([&](bson_writer& to) {
    to.put_string("killCursors", cursor.collection);
    to.open_array("cursors");
    to.put_int64(item, cursor.id);
    to.close();
  });
}

cursor_view cursor_in(const answer& got) {
  if (!got.reply.cursor) malformed("reply", {decode_errc::bad_value, 0, "cursor"});
  return *got.reply.cursor;
}

open_cursor open(const answer& got) {
  cursor_view cursor = cursor_in(got);
  std::size_t dot = cursor.ns.find('.');
  if (dot == cursor.ns.npos) malformed("reply", {decode_errc::bad_value, 0, "cursor.ns"});
  return {cursor.id, std::string(cursor.ns.substr(0, dot)), std::string(cursor.ns.substr(dot + 1))};
}

bool is_empty(bson_view batch) {
  constexpr std::size_t empty = 5;
  return batch.size <= empty;
}

/// `idle`: nothing came, and the server's place has not moved either. Where tokens tell no time that is all
/// that shows that what was there at the beginning has come.
bool is_at_bound(const event_feed& feed, const stream_settings& settings, link::clock::time_point now,
                 bool idle = false) {
  if (settings.until && feed.time() && *feed.time() >= *settings.until) return true;
  if (settings.until && idle && !feed.tokens_tell_time()) return true;
  if (settings.until_events != 0 && feed.events() >= settings.until_events) return true;
  return settings.until_time && now >= *settings.until_time;
}

/// Of the layout that tells its time. Of other makes, the token of an answer without events may be another
/// place than the one that was asked for: SecantusDB's can be before an event that has come.
bool is_like_mongod(bson_view token) {
  if (token.size == 0) return false;
  std::optional<std::string_view> hex = token_hex(token);
  return hex && hex_token_time(*hex);
}

/// A cursor after feed.next().
conversation<open_cursor> begin(session& with, event_feed& feed, const stream_settings& settings) {
  feed.connected();
  std::string database = settings.database.empty() ? "admin" : settings.database;
  answer first =
      co_await with.must("could not open the change stream", database, aggregate(settings, feed.next()));
  open_cursor cursor = open(first);
  // From here on there is a place to go on from, whatever happens.
  bson_view token = cursor_in(first).post_batch_resume_token;
  if (parse_time(feed.next()) || is_like_mongod(token)) feed.batch_done(token);
  co_return cursor;
}

/// A required image is missing, and the server threw away with the cursor what it had gathered before that
/// event. One by one they come, up to it.
bool lost_events_with(const reply_view& reply, const stream_settings& settings) {
  constexpr std::int32_t no_matching_document = 47;
  return !reply.ok && reply.code == no_matching_document && settings.batch_size != 1;
}

/// Turns on what events have asked for; only with no answer on its way.
conversation<> grant_wishes(session& with, event_feed& feed) {
  if (!feed.images()) co_return;
  std::vector<image_watch::names> wishes = feed.images()->take_wishes();
  for (const image_watch::names& each : wishes) co_await enable_images(with, each.first, each.second);
}

/// Nothing came, and sooner than a server that waits for events says so.
bool came_too_early(bson_view batch, const stream_settings& settings, link::clock::duration after) {
  return is_empty(batch) && after < std::min(settings.least_wait, settings.await_time / 2);
}

conversation<> wait_a_little(session& with, const stream_settings& settings, const stream_state& state) {
  auto until = with.to.now() + settings.least_wait;
  while (!state.stop && with.to.now() < until) co_await with.to.wait_wake();
}

/// Only with no answer on its way.
conversation<> look_again(session& with, const stream_settings& settings) {
  std::vector<std::uint8_t> fields = command_fields([](bson_writer& to) { to.put_int32("hello", 1); });
  answer got = co_await with.must("hello", "admin", std::move(fields));
  hello_reply said = well_formed(decode_hello(got.body), "hello reply");
  if (!settings.still_wanted(said))
    throw failure{failure_kind::transient, "TW-MONGO-NOT-PRIMARY",
                  "the server is no longer of the kind that readPreference wants",
                  "the set has elected another one, or is about to: the stream goes on there"};
}

/// The documents of a batch, one after the other, as room is made for them. True if not all were taken: the
/// bound was reached, or a stop was asked for while there was no room.
conversation<bool> take_batch(session& with, event_feed& feed, const stream_settings& settings,
                              const stream_state& state, bson_view batch) {
  bson_reader documents(batch);
  for (element_view each; documents.next(each);) {
    auto document = each.as_document();
    if (!document) malformed("batch", {decode_errc::bad_value, each.element_offset(), "change event"});
    while (!feed.has_room()) {
      if (state.stop) co_return true;
      co_await with.to.wait_wake();
    }
    feed.take(*document);
    if (settings.until_events != 0 && feed.events() >= settings.until_events) co_return true;
  }
  if (!documents.ok()) malformed("batch", documents.error());
  co_return false;
}

}  // namespace

std::string server_facts::text() const {
  std::string text;
  for (std::size_t i = 0; i < version.size() && i < 3; ++i)
    text += (i ? "." : "") + std::to_string(version[i]);
  return text;
}

bool server_facts::can_split() const {
  if (version.size() < 3) return false;
  return version[0] >= 7 || (version[0] == 6 && version[1] == 0 && version[2] >= 9);
}

conversation<server_facts> ask_server(session& with) {
  std::vector<std::uint8_t> fields = command_fields([](bson_writer& to) { to.put_int32("buildInfo", 1); });
  answer got = co_await with.must("could not ask for the version", "admin", std::move(fields));
  server_facts facts;
  auto version = well_formed(find(got.body, "versionArray"), "buildInfo reply").as_array();
  if (!version) malformed("buildInfo reply", {decode_errc::bad_value, 0, "versionArray"});
  bson_reader numbers(*version);
  for (element_view each; facts.version.size() < 4 && numbers.next(each);)
    facts.version.push_back(each.as_int32().value_or(0));
  facts.now = got.reply.operation_time;
  co_return facts;
}

conversation<stream_end> follow(session& with, event_feed& feed, stream_settings settings,
                                stream_state& state) {
  open_cursor cursor = co_await begin(with, feed, settings);
  auto looked = with.to.now(), asked_at = looked;
  co_await with.send(cursor.database, get_more(settings, cursor));
  for (;;) {
    std::optional<answer> came = co_await with.receive_or_wake();
    if (!came) {
      // The connection's end also ends the cursor.
      if (state.stop) co_return stream_end::asked;
      if (is_at_bound(feed, settings, with.to.now())) co_return stream_end::until;
      continue;
    }
    const answer& got = *came;
    if (lost_events_with(got.reply, settings)) {
      settings.batch_size = 1;
      open_cursor again = co_await begin(with, feed, settings);
      cursor = std::move(again);
      asked_at = with.to.now();
      co_await with.send(cursor.database, get_more(settings, cursor));
      continue;
    }
    if (!got.reply.ok) throw server_failure{"the change stream failed", got.reply};
    cursor_view batch = cursor_in(got);
    state.bytes += got.body.size;
    bool more = batch.id != 0;
    bool asks = feed.images() && image_watch::may_wish(batch.batch);
    bool due = settings.still_wanted && with.to.now() - looked >= settings.look_interval;
    bool early = came_too_early(batch.batch, settings, with.to.now() - asked_at);
    bool ends = state.stop || settings.until_events != 0 || !more || asks || due || early;
    asked_at = with.to.now();
    // The server looks for the next batch while we write this one.
    if (!ends) co_await with.send(cursor.database, get_more(settings, cursor));
    std::string before = feed.next();
    bool cut = co_await take_batch(with, feed, settings, state, batch.batch);
    if (cut)
      feed.hand_over();
    else
      feed.batch_done(batch.post_batch_resume_token);
    bool idle = is_empty(batch.batch) && feed.next() == before;
    bool bound = is_at_bound(feed, settings, with.to.now(), idle);
    if (more && !ends && !bound && !state.stop) continue;
    // While an answer is on its way nothing may be sent; the connection's end then also ends the cursor.
    if (more && !ends) co_return bound ? stream_end::until : stream_end::asked;
    if (early && more && !bound) co_await wait_a_little(with, settings, state);
    if (more && !bound && !cut && !state.stop) {
      co_await grant_wishes(with, feed);
      if (due) {
        co_await look_again(with, settings);
        looked = with.to.now();
      }
      asked_at = with.to.now();
      co_await with.send(cursor.database, get_more(settings, cursor));
      continue;
    }
    if (more) co_await with.command(cursor.database, kill(cursor));
    if (state.stop) co_return stream_end::asked;
    co_return bound || cut ? stream_end::until : stream_end::closed;
  }
}

conversation<std::string> try_position(session& with, stream_settings settings, std::string after) {
  std::string database = settings.database.empty() ? "admin" : settings.database;
  answer first = co_await with.must("could not open the change stream", database, aggregate(settings, after));
  open_cursor cursor = open(first);
  std::string at = after;
  if (bson_view token = cursor_in(first).post_batch_resume_token; token.size != 0)
    at = well_formed(token_text(token), "resume token");
  // Only whoever asks for events makes the server look for the place in its oplog.
  settings.batch_size = 1;
  settings.await_time = std::chrono::milliseconds{1};
  answer more = co_await with.must("the change stream failed", cursor.database, get_more(settings, cursor));
  if (cursor_in(more).id != 0) co_await with.command(cursor.database, kill(cursor));
  co_return at;
}

conversation<> end_session(session& with) {
  if (!with.id || with.is_waiting()) co_return;
  std::vector<std::uint8_t> fields = command_fields([&with](bson_writer& to) {
    to.open_array("endSessions");
    to.open_document(item);
    to.put_binary("id", {binary_uuid, *with.id});
    to.close();
    to.close();
  });
  with.id.reset();
  co_await with.command("admin", std::move(fields));
}

}  // namespace tidewire::mongo_wire
