// What is asked of the oplog: how far back it reaches.
#include "mongo_wire/check_asking.hpp"

namespace tidewire::mongo_wire {
namespace {

std::vector<std::uint8_t> server_status() {
  return command_fields([](bson_writer& to) {
    to.put_int32("serverStatus", 1);
    to.put_int32("oplog", 1);
    for (const char* large : {"metrics", "wiredTiger", "locks", "tcmalloc", "indexStats", "opLatencies"})
      to.put_int32(large, 0);
  });
}

std::vector<std::uint8_t> end_of_oplog(int direction) {
  return command_fields([&](bson_writer& to) {
    to.put_string("find", "oplog.rs");
    to.open_document("projection");
    for (const char* field : {"ts", "op", "o.msg"}) to.put_int32(field, 1);
    to.close();
    to.open_document("sort");
    to.put_int32("$natural", direction);
    to.close();
    to.put_int32("limit", 1);
    to.put_bool("singleBatch", true);
  });
}

/// Whether the oplog begins when the set did: its id tells when that was.
conversation<> ask_beginning(session& with, oplog_info& oplog) {
  answer got = co_await with.command("admin", just("replSetGetConfig"));
  auto id = at(got.body, {"config", "settings", "replicaSetId"}).as_object_id();
  if (!got.reply.ok || !id) co_return;
  constexpr double moments_s = 60;
  oplog.never_cut = oplog.first_s <= load_be<std::uint32_t>(id->data()) + moments_s;
}

/// Only for those who may read everything that anybody writes.
conversation<> read_oplog(session& with, check_facts& into) {
  oplog_info oplog;
  for (int direction : {1, -1}) {
    answer got = co_await with.command("local", end_of_oplog(direction));
    auto entry = at(got.body, {"cursor", "firstBatch", "0"}).as_document();
    auto time = entry ? seconds_at(*entry, {"ts"}) : std::nullopt;
    if (!got.reply.ok || !time) co_return;  // what serverStatus said stays
    (direction == 1 ? oplog.first_s : oplog.last_s) = *time;
    if (direction == 1)
      oplog.never_cut = text_at(*entry, {"op"}) == "n" && text_at(*entry, {"o", "msg"}) == "initiating set";
  }
  into.oplog.value = oplog;
}

}  // namespace

conversation<> ask_oplog(session& with, check_facts& into) {
  answer got = co_await with.command("admin", server_status());
  into.oplog.missing = into.majority_reads.missing = got.reply.ok ? not_understood : words_of(got.reply);
  if (got.reply.ok)
    if (auto can = at(got.body, {"storageEngine", "supportsCommittedReads"}).as_bool())
      into.majority_reads.value = *can;
  auto first = seconds_at(got.body, {"oplog", "earliestOptime"});
  auto last = seconds_at(got.body, {"oplog", "latestOptime"});
  if (got.reply.ok && first && last) {
    oplog_info oplog{*first, *last, false};
    auto now_ms = at(got.body, {"localTime"}).as_date_time();
    auto uptime = at(got.body, {"uptimeMillis"}).as_integer();
    auto cuts = at(got.body, {"oplogTruncation", "truncateCount"}).as_integer();
    if (now_ms && uptime)
      oplog.never_cut = cuts == 0 && *first >= static_cast<double>(*now_ms - *uptime) / 1000;
    if (!oplog.never_cut && cuts.value_or(0) == 0) co_await ask_beginning(with, oplog);
    into.oplog.value = oplog;
    co_return;
  }
  co_await read_oplog(with, into);
}

}  // namespace tidewire::mongo_wire
