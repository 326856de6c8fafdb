#include "mongo_wire/copy.hpp"

#include <algorithm>

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

/// Of 361: the collection of that UUID has another name now, or is there no more.
copy_end moved(const answer& got) {
  auto now = well_formed(find(got.body, "actualCollection"), "find reply").as_string();
  if (now) return {copy_outcome::renamed, 0, std::string(*now)};
  return {copy_outcome::dropped, 0, {}};
}

std::vector<std::uint8_t> document_of(const element_view& id) {
  return command_fields([&](bson_writer& to) { to.put_element("", id); });
}

std::int32_t limit_for(const chunk& read, std::uint64_t chunk_bytes) {
  std::uint64_t each =
      std::max<std::uint64_t>(1, read.batch.size / static_cast<std::uint64_t>(read.documents));
  return static_cast<std::int32_t>(std::clamp<std::uint64_t>(chunk_bytes / each, 1, max_limit));
}

}  // namespace

conversation<bool> wait_for_room(session& with, copy_feed& feed, copy_control& control) {
  while (!feed.has_room()) {
    if (control.stop) co_return false;
    co_await with.to.wait_wake();
  }
  co_return true;
}

conversation<copy_end> copy_collection(session& with, copy_feed& feed, copied_collection of, bool capped,
                                       copy_control& control) {
  const bson_timestamp since = feed.progress().since;
  const copy_end stopped{copy_outcome::stopped, 0, {}};
  auto limit = static_cast<std::int32_t>(
      std::clamp<std::uint64_t>(control.chunk_bytes / usual_document_bytes, 1, first_limit));
  co_await with.send(of.database, find_command(of, capped, since, limit));
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
    if (read.documents == 0) co_return copy_end{copy_outcome::complete, of.documents, {}};
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
    // The server looks for the next chunk while we write this one.
    if (!control.stop) co_await with.send(of.database, find_command(of, capped, since, limit));
    feed.enter(of, read.at.value_or(since), read.at ? *read.at : latest);
    bson_reader documents(read.batch);
    for (element_view each; documents.next(each);) {
      bool room = co_await wait_for_room(with, feed, control);
      if (!room) co_return stopped;
      feed.take(*each.as_document());
      ++control.documents;
      control.bytes += each.size;
    }
    bool room = co_await wait_for_room(with, feed, control);
    if (!room) co_return stopped;
    feed.chunk_done(of, with.to.now());
    if (control.stop) {
      feed.pause();
      co_return stopped;
    }
  }
}

namespace {

/// The first of the plan's work, to its end. False: stopped.
conversation<bool> copy_next(session& with, copy_feed& feed, copy_plan& plan, copy_control& control) {
  copy_work work = plan.work.front();
  bool room = co_await wait_for_room(with, feed, control);
  if (!room) co_return false;
  if (!work.begun) feed.open(work.of);
  copy_end end = co_await copy_collection(with, feed, work.of, work.capped, control);
  if (end.how == copy_outcome::stopped) co_return false;
  room = co_await wait_for_room(with, feed, control);
  if (!room) co_return false;
  plan.work.pop_front();
  if (end.how == copy_outcome::complete) {
    work.of.documents = end.documents;
    work.of.done = true;
    work.of.last.clear();
    feed.close(work.of);
    ++control.collections_done;
    co_return true;
  }
  feed.gone(work.of);
  if (end.how == copy_outcome::dropped) {
    --plan.collections;
    co_return true;
  }
  auto overwritten = plan_renamed(plan, feed.progress(), work, end.new_name);
  if (overwritten) feed.gone(*overwritten);
  co_return true;
}

}  // namespace

conversation<bool> copy_all(session& with, copy_feed& feed, copy_plan& plan, copy_control& control,
                            stream_settings settings, std::string position) {
  constexpr std::chrono::seconds between_looks{60};
  auto looked = with.to.now();
  bool room = co_await wait_for_room(with, feed, control);
  if (!room) co_return false;
  feed.begin(plan.resumed, plan.collections);
  for (const copied_collection& each : plan.gone) {
    room = co_await wait_for_room(with, feed, control);
    if (!room) co_return false;
    feed.gone(each);
  }
  while (!plan.work.empty()) {
    bool done = co_await copy_next(with, feed, plan, control);
    if (!done || control.stop) co_return false;
    if (with.to.now() - looked < between_looks) continue;
    co_await try_position(with, settings, position);
    looked = with.to.now();
  }
  co_await try_position(with, settings, position);
  room = co_await wait_for_room(with, feed, control);
  if (!room) co_return false;
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
