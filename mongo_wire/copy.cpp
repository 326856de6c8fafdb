#include "mongo_wire/copy.hpp"

#include <algorithm>
#include <utility>

namespace tidewire::mongo_wire {
namespace {

constexpr std::int32_t uuid_mismatch = 361;
constexpr std::int32_t first_limit = 1'000, max_limit = 100'000;
constexpr std::uint64_t usual_document_bytes = 4096;  // before any was seen

/// One query. A comparison outside of $expr would stay among the _ids of the last one's type.
std::vector<std::uint8_t> find_command(const copied_collection& of, bool capped, bson_timestamp since,
                                       std::int32_t limit) {
  return command_fields([&](bson_writer& to) {
    to.put_string("find", of.name);
    if (!of.last.empty()) {
      to.open_document("filter");
      to.open_document("$expr");
      to.open_array("$gt");
      to.put_string(item, "$_id");
      to.open_document(item);
      element_view id;
      bson_reader(*decode_document(of.last)).next(id);
      to.put_element("$literal", id);
      to.close();
      to.close();
      to.close();
      to.close();
    }
    to.open_document("sort");
    to.put_int32("_id", 1);
    to.close();
    to.open_document("hint");
    to.put_int32("_id", 1);
    to.close();
    to.put_int32("limit", limit);
    to.put_int32("batchSize", limit);
    to.put_bool("singleBatch", true);
    to.put_binary("collectionUUID", {binary_uuid, of.id});
    to.open_document("readConcern");
    // Of a capped collection a server before 8.0 gives no snapshot.
    to.put_string("level", capped ? "majority" : "snapshot");
    to.put_timestamp("afterClusterTime", since);
    to.close();
  });
}

/// What one message brought.
struct chunk {
  bson_view batch;
  std::optional<bson_timestamp> at;  // atClusterTime
  std::int64_t documents = 0;
  element_view last;  // _id
};

chunk read_chunk(const answer& got, const copied_collection& of) {
  if (!got.reply.cursor) malformed("find reply", {decode_errc::bad_value, 0, "cursor"});
  chunk read;
  read.batch = got.reply.cursor->batch;
  auto cursor = well_formed(find(got.body, "cursor"), "find reply").as_document();
  read.at = well_formed(find(*cursor, "atClusterTime"), "find reply").as_timestamp();
  bson_view last;
  bson_reader reader(read.batch);
  for (element_view each; reader.next(each); ++read.documents) {
    auto document = each.as_document();
    if (!document) malformed("find reply", {decode_errc::bad_value, each.element_offset(), "cursor batch"});
    last = *document;
  }
  if (!reader.ok()) malformed("find reply", reader.error());
  if (read.documents == 0) return read;
  read.last = well_formed(find(last, "_id"), "find reply");
  if (!read.last)
    throw failure{failure_kind::refused, "TW-MONGO-DOCUMENT",
                  "a document of " + shown(of.database) + "." + shown(of.name) + " has no _id",
                  "leave the collection out (--table), or give its documents an _id"};
  return read;
}

enum class copy_outcome : std::uint8_t { complete, stopped, dropped, renamed };

struct copy_end {
  copy_outcome how = copy_outcome::complete;
  std::string new_name;  // of one that was renamed
};

/// Of 361: the collection of that UUID has another name now, or is there no more.
copy_end moved(const answer& got) {
  auto now = well_formed(find(got.body, "actualCollection"), "find reply").as_string();
  if (now) return {copy_outcome::renamed, std::string(*now)};
  return {copy_outcome::dropped, {}};
}

std::vector<std::uint8_t> document_of(const element_view& id) {
  return command_fields([&](bson_writer& to) { to.put_element("", id); });
}

std::int32_t limit_for(const chunk& read, std::uint64_t chunk_bytes) {
  std::uint64_t each =
      std::max<std::uint64_t>(1, read.batch.size / static_cast<std::uint64_t>(read.documents));
  return static_cast<std::int32_t>(std::clamp<std::uint64_t>(chunk_bytes / each, 1, max_limit));
}

/// Waits until the feed has room. False: stopped meanwhile.
conversation<bool> wait_for_room(session& with, copy_feed& feed, const copy_control& control) {
  while (!feed.has_room()) {
    if (control.stop) co_return false;
    co_await with.to.wait_wake();
  }
  co_return true;
}

/// The turn to write, and room. False: stopped meanwhile.
conversation<bool> wait_for_turn(session& with, copy_feed& feed, const copy_control& control) {
  while (!feed.take_turn(&with)) {
    if (control.stop) co_return false;
    co_await with.to.wait_wake();
  }
  bool room = co_await wait_for_room(with, feed, control);
  co_return room;
}

/// The documents of one chunk, up to `of.last`. False: stopped in the middle; then the turn is kept.
conversation<bool> write_chunk(session& with, copy_feed& feed, copy_work& work, const chunk& read,
                               bson_timestamp latest, copy_control& control) {
  bool turn = co_await wait_for_turn(with, feed, control);
  if (!turn) co_return false;
  if (!std::exchange(work.begun, true)) feed.open(work.of);
  feed.enter(work.of, read.at.value_or(feed.progress().since), read.at ? *read.at : latest);
  bson_reader documents(read.batch);
  for (element_view each; documents.next(each);) {
    bool room = co_await wait_for_room(with, feed, control);
    if (!room) co_return false;
    feed.take(*each.as_document());
    ++control.documents;
    control.bytes += each.size;
  }
  bool room = co_await wait_for_room(with, feed, control);
  if (!room) co_return false;
  feed.chunk_done(work.of, with.to.now());
  if (control.stop) feed.pause();
  feed.give_turn_back();
  co_return true;
}

/// Goes on after `work.of.last`. What was written is in the feed; of the end it is told nothing.
conversation<copy_end> copy_collection(session& with, copy_feed& feed, copy_work& work,
                                       copy_control& control) {
  copied_collection& of = work.of;
  const bson_timestamp since = feed.progress().since;
  const copy_end stopped{copy_outcome::stopped, {}};
  auto limit = static_cast<std::int32_t>(
      std::clamp<std::uint64_t>(control.chunk_bytes / usual_document_bytes, 1, first_limit));
  co_await with.send(of.database, find_command(of, work.capped, since, limit));
  for (;;) {
    std::optional<answer> came = co_await with.receive_or_wake();
    if (!came) {
      if (control.stop) co_return stopped;
      continue;
    }
    const answer& got = *came;
    if (!got.reply.ok && got.reply.code == uuid_mismatch) co_return moved(got);
    if (!got.reply.ok)
      throw server_failure{"could not read " + shown(of.database) + "." + shown(of.name), got.reply};
    chunk read = read_chunk(got, of);
    if (read.documents == 0) co_return copy_end{};
    bson_timestamp latest = got.reply.operation_time.value_or(since);
    std::vector<std::uint8_t> last = document_of(read.last);
    if (last == of.last)
      throw failure{failure_kind::refused, "TW-MONGO-MALFORMED",
                    "the server gives the same documents of " + shown(of.database) + "." + shown(of.name) +
                        " again, instead of those behind them",
                    "is this a MongoDB server, and nothing between it and here?"};
    of.last = std::move(last);
    of.documents += static_cast<std::uint64_t>(read.documents);
    limit = limit_for(read, control.chunk_bytes);
    // The server looks for the next chunk while we wait for our turn and write this one.
    if (!control.stop) co_await with.send(of.database, find_command(of, work.capped, since, limit));
    bool written = co_await write_chunk(with, feed, work, read, latest, control);
    if (!written || control.stop) co_return stopped;
  }
}

/// One collection to its end. False: stopped.
conversation<bool> copy_one(session& with, copy_feed& feed, copy_plan& plan, copy_work work,
                            copy_control& control) {
  copy_end end = co_await copy_collection(with, feed, work, control);
  if (end.how == copy_outcome::stopped) co_return false;
  bool turn = co_await wait_for_turn(with, feed, control);
  if (!turn) co_return false;
  plan.give_back(work);
  if (end.how == copy_outcome::complete) {
    if (!work.begun) feed.open(work.of);
    work.of.done = true;
    work.of.last.clear();
    feed.close(work.of);
    ++control.collections_done;
  } else if (work.begun) {
    feed.gone(work.of);
  }
  if (end.how == copy_outcome::dropped) --plan.collections;
  if (end.how == copy_outcome::renamed) {
    auto overwritten = plan_renamed(plan, feed.progress(), work, end.new_name);
    if (overwritten) feed.gone(*overwritten);
  }
  feed.give_turn_back();
  co_return true;
}

}  // namespace

conversation<bool> begin_copy(session& with, copy_feed& feed, copy_plan& plan, copy_control& control) {
  control.looked = with.to.now();
  bool turn = co_await wait_for_turn(with, feed, control);
  if (!turn) co_return false;
  feed.begin(plan.resumed, plan.collections);
  for (const copied_collection& each : plan.gone) {
    bool room = co_await wait_for_room(with, feed, control);
    if (!room) co_return false;
    feed.gone(each);
  }
  feed.give_turn_back();
  co_return true;
}

conversation<bool> copy_some(session& with, copy_feed& feed, copy_plan& plan, copy_control& control,
                             stream_settings settings, std::string position) {
  constexpr std::chrono::seconds between_looks{60};
  while (!plan.over()) {
    if (control.stop) co_return false;
    std::optional<copy_work> work = plan.take();
    if (!work) {
      // Whoever reads the rest may find that it was renamed, and then there is more to do.
      co_await with.to.wait_wake();
      continue;
    }
    bool done = co_await copy_one(with, feed, plan, *work, control);
    if (!done) co_return false;
    if (with.to.now() - control.looked < between_looks) continue;
    control.looked = with.to.now();
    co_await try_position(with, settings, position);
  }
  co_return !control.stop;
}

conversation<bool> end_copy(session& with, copy_feed& feed, copy_plan& plan, copy_control& control,
                            stream_settings settings, std::string position) {
  co_await try_position(with, settings, position);
  bool turn = co_await wait_for_turn(with, feed, control);
  if (!turn) co_return false;
  feed.end(plan.collections);
  co_return true;
}

conversation<collection_size> ask_size(session& with, std::string database, std::string collection) {
  std::vector<std::uint8_t> fields =
      command_fields([&](bson_writer& to) { to.put_string("collStats", collection); });
  answer got = co_await with.command(std::move(database), std::move(fields));
  collection_size size;
  if (!got.reply.ok) co_return size;
  auto number = [&got](std::string_view name) {
    auto found = find(got.body, name);
    auto value = found ? found->as_integer() : std::nullopt;
    return static_cast<std::uint64_t>(std::max<std::int64_t>(0, value.value_or(0)));
  };
  size.documents = number("count");
  size.bytes = number("size");
  co_return size;
}

}  // namespace tidewire::mongo_wire
