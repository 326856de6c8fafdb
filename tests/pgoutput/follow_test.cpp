#include "pgoutput/follow.hpp"

#include <memory>

#include "tests/core/scripted_sink.hpp"
#include "tests/wire/variations.hpp"
#include "wire/replication_message.hpp"

using namespace tidewire;
using namespace tidewire::pgoutput;
using namespace tidewire::wire::testing;
using namespace std::chrono_literals;
using wire::backend_tag;
using wire::frame_size;
using wire::lsn;
using wire::session;

namespace {

constexpr lsn beginning{0x1000}, first_end{0x2000}, second_end{0x3000};

/// Everything behind the stream, for one run. Nothing becomes durable before allow_syncs.
struct world {
  explicit world(pipeline::limits limits = {256 * 1024, 4, 0ms})
      : lines(std::make_unique<pipeline>(out, nullptr, stored_position{}, limits,
                                         [this] { out.note("wake"); })),
        changes(row_changes::settings{}),
        feed(changes, *lines, progress_point{beginning, 0, 0}) {
    out.allow_syncs(0);
  }
  ~world() {
    out.allow_syncs(scripted_sink::unlimited);
    out.allow_writes(scripted_sink::unlimited);
  }

  bool sync_up_to(lsn at) {
    out.allow_syncs(scripted_sink::unlimited);
    return out.wait([&] { return feed.durable() >= at; });
  }

  scripted_sink out;
  std::unique_ptr<pipeline> lines;
  row_changes changes;
  change_feed feed;
  follow_state state;
  std::vector<wire::standby_status> told;
};

using shared_world = std::shared_ptr<world>;

conversation<follow_end> follow_in(tidewire::link& to, shared_world in, follow_settings settings) {
  session with{to};
  in->feed.connected(1);
  follow_end end = co_await follow(with, in->feed, settings, in->state);
  co_return end;
}

/// Each run gets a world of its own, which `now` then shows.
auto following(shared_world& now, follow_settings settings = {},
               pipeline::limits limits = {256 * 1024, 4, 0ms}) {
  return [&now, settings, limits](tidewire::link& to) {
    now = std::make_shared<world>(limits);
    return follow_in(to, now, settings);
  };
}

template <class Encode>
bytes wal(Encode encode) {
  bytes message = encoded(encode);
  wire::xlog_data_view data;
  data.data = message;
  bytes payload = encoded([&](encoder& out) { wire::encode_xlog_data(out, data); });
  return copy_data(byte_view(payload));
}

bytes begin(lsn commit, std::uint32_t xid) {
  return wal([&](encoder& out) { encode_begin(out, {commit, 0, xid}); });
}
bytes table_t() {
  relation_view of;
  of.oid = 16384;
  of.schema = "public";
  of.name = "t";
  std::vector<column_view> columns{{1, "id", 23, -1}};
  return wal([&](encoder& out) { encode_relation(out, of, columns, false); });
}
bytes insert(std::string_view id) {
  row_view row;
  row.relation = 16384;
  std::vector<value> values{{id.data(), static_cast<std::uint32_t>(id.size()), value_kind::text}};
  return wal([&](encoder& out) { encode_insert(out, row, values, false); });
}
bytes commit(lsn at, lsn end) {
  return wal([&](encoder& out) { encode_commit(out, {at, end, 0}); });
}
bytes keepalive(lsn end, bool reply = false) {
  wire::keepalive_message alive;
  alive.end = end;
  alive.reply_requested = reply;
  bytes payload = encoded([&](encoder& out) { wire::encode_keepalive(out, alive); });
  return copy_data(byte_view(payload));
}

wire::standby_status status_in(byte_view sent) {
  auto frame = wire::split_frontend(sent);
  if (!frame || frame->tag != wire::frontend_tag::copy_data) throw script_mismatch("no status");
  auto status = wire::decode_standby_status(frame->body);
  if (!status) throw script_mismatch("a malformed status");
  return *status;
}

/// The conversation tells how far it is. In every run of every test what it tells must be durable.
void status(script& steps, shared_world& now, lsn flushed, lsn written, bool asks,
            std::function<void()> then = nullptr) {
  steps.answers([=, &now](byte_view sent) {
    wire::standby_status found = status_in(sent);
    now->told.push_back(found);
    if (found.flushed > now->feed.durable()) throw script_mismatch("it acknowledges what is not durable");
    if (found.flushed != flushed || found.applied != flushed || found.written != written)
      throw script_mismatch("it tells " + to_string(found.flushed) + " and " + to_string(found.written));
    if (found.reply_requested != asks) throw script_mismatch("asks or asks not");
    if (then) then();
    return bytes{};
  });
}

void transaction(script& steps, lsn commit_at, lsn end, std::uint32_t xid, bool described) {
  steps.gives(begin(commit_at, xid));
  if (described) steps.gives(table_t());
  steps.gives(insert("1")).gives(insert("2"));
  steps.gives(commit(commit_at, end));
}

/// A transaction whose position is told when it is durable, and not before; then somebody stops it.
script whole_script(shared_world& now) {
  script steps;
  status(steps, now, beginning, beginning, true);
  transaction(steps, lsn{0x1f00}, first_end, 7, true);
  steps.gives(keepalive(first_end, true));
  status(steps, now, beginning, first_end, false, [&now] {
    if (!now->sync_up_to(first_end)) throw script_mismatch("it does not become durable");
  });
  steps.wakes(10s);
  status(steps, now, first_end, first_end, false, [&now] { now->state.stop = true; });
  return steps;
}

/// After a failure: the position stands at the beginning, or where the transaction ended; never in between.
void check_position_is_whole(const world& in) {
  bool none = in.feed.done() == beginning, all = in.feed.done() == first_end;
  CHECK((none || all));
  CHECK(in.feed.durable() <= in.feed.done());
  for (const wire::standby_status& each : in.told) CHECK(each.flushed <= in.feed.durable());
  if (none) CHECK(in.out.data().empty());
}

const std::vector<std::string_view> stream_codes{"TW-PG-MALFORMED", "TW-PG-DECODE"};

}  // namespace

TEST_CASE("Follow: a position is told when it is durable", "[follow]") {
  shared_world now;
  script steps = whole_script(now);
  auto make = following(now);
  CHECK(play(steps, frame_size, make) == follow_end::asked);
  CHECK(now->told.size() == 3);
  CHECK(now->state.server_end == first_end);
  CHECK(play(interrupted(steps), frame_size, make) == follow_end::asked);
}

TEST_CASE("Follow: a failure at each read and write moves no position", "[follow]") {
  shared_world now;
  script steps = whole_script(now);
  std::size_t seen = 0;
  auto check = [&](const failure& why) {
    ++seen;
    CHECK(why.kind == failure_kind::transient);
    CHECK((why.code == injected_code || why.code == "TW-NET-CLOSED"));
    check_position_is_whole(*now);
  };
  // 3 statuses, 6 messages and a wait to be woken.
  CHECK(for_each_failure(steps, frame_size, following(now), nullptr, check) == 10 + 7 + 3);
  CHECK(seen == 20);
  check_cuts(steps, following(now));
}

TEST_CASE("Follow: a stream that is cut or changed anywhere moves no position", "[follow]") {
  shared_world now;
  script steps = whole_script(now);
  check_lengths(steps, following(now), "", stream_codes);
  for (std::size_t at : spoken(steps)) {
    if (steps.steps()[at].what != script::step::give) continue;
    std::size_t size = steps.steps()[at].data.size();
    bool is_after = at > 5;  // the commit
    for (std::size_t keep = 1; keep < size; ++keep) {
      outcome cut = outcome_of_departure(
          steps, at,
          [&](bytes message) {
            message.resize(keep);
            return message;
          },
          following(now));
      if (cut.code != "TW-NET-CLOSED" || now->feed.done() != (is_after ? first_end : beginning))
        FAIL_CHECK("step " << at << ", " << keep << " bytes: " << cut.code);
    }
    outcome odd = outcome_of_departure(
        steps, at,
        [](bytes message) {
          message[30 < message.size() ? 30 : 5] ^= 0xff;  // pgoutput's tag, or CopyData's kind
          return message;
        },
        following(now));
    check_refused(odd, at > 5 ? "TW-PG-MALFORMED" : "TW-PG-DECODE");
    CHECK(now->feed.done() == (is_after ? first_end : beginning));
    CHECK(now->feed.durable() == beginning);
  }
}

TEST_CASE("Follow: what is no part of a stream", "[follow]") {
  shared_world now;
  script steps;
  status(steps, now, beginning, beginning, true);
  steps.gives(keepalive(first_end)).wakes();
  // C and c: the server ends the stream.
  CHECK(welcome_at(steps, 1, following(now)) == "ACENSc");
  for (const bytes& odd : {copy_data(""), copy_data("?"), copy_data("w"), copy_data("k"), copy_data("p")}) {
    script wrong;
    status(wrong, now, beginning, beginning, true);
    wrong.gives(odd);
    check_refused(outcome_of(wrong, following(now)), "TW-PG-MALFORMED");
    CHECK(now->feed.done() == beginning);
  }
}

TEST_CASE("Follow: the server ends the stream", "[follow]") {
  struct {
    bytes said;
    const char* code;
    failure_kind kind;
  } cases[] = {
      {copy_done(), "TW-PG-UNAVAILABLE", failure_kind::transient},
      {complete("COPY 0"), "TW-PG-UNAVAILABLE", failure_kind::transient},
      {error("57P01", "terminating connection", "FATAL"), "TW-PG-UNAVAILABLE", failure_kind::transient},
      {error("58P01", "requested WAL segment has been removed"), "TW-PG-UNAVAILABLE",
       failure_kind::transient},
      {error("42704", "publication \"all\" does not exist"), "TW-PG-MISSING", failure_kind::refused}};
  for (const auto& each : cases) {
    shared_world now;
    // In the middle of a transaction, and after it.
    for (bool whole : {false, true}) {
      script steps;
      status(steps, now, beginning, beginning, true);
      steps.gives(begin(lsn{0x1f00}, 7)).gives(table_t()).gives(insert("1"));
      if (whole) steps.gives(commit(lsn{0x1f00}, first_end));
      steps.gives(each.said);
      outcome found = outcome_of(steps, following(now));
      CHECK(found.code == each.code);
      CHECK(found.kind == each.kind);
      CHECK(now->feed.done() == (whole ? first_end : beginning));
      CHECK(now->told.size() == 1);
    }
  }
}

TEST_CASE("Follow: a keepalive moves the position of an idle stream, but not inside a transaction",
          "[follow]") {
  shared_world now;
  script idle, busy;
  status(idle, now, beginning, beginning, true);
  idle.gives(keepalive(second_end, true));
  status(idle, now, beginning, second_end, false, [&now] {
    if (!now->sync_up_to(second_end)) throw script_mismatch("it does not become durable");
    now->state.stop = true;
  });
  idle.wakes();
  CHECK(play(idle, frame_size, following(now)) == follow_end::asked);
  CHECK(now->feed.durable() == second_end);
  status(busy, now, beginning, beginning, true);
  busy.gives(begin(lsn{0x1f00}, 7)).gives(table_t()).gives(keepalive(second_end, true));
  status(busy, now, beginning, beginning, false, [&now] { now->state.stop = true; });
  busy.wakes();
  CHECK(play(busy, frame_size, following(now)) == follow_end::asked);
  CHECK(now->feed.done() == beginning);
  CHECK(now->state.server_end == second_end);
}

TEST_CASE("Follow: a server that goes back moves no position back", "[follow]") {
  shared_world now;
  script steps;
  status(steps, now, beginning, beginning, true);
  transaction(steps, lsn{0x1f00}, first_end, 7, true);
  steps.gives(keepalive(lsn{0x500}, true));
  status(steps, now, beginning, first_end, false, [&now] { now->state.stop = true; });
  steps.wakes();
  CHECK(play(steps, frame_size, following(now)) == follow_end::asked);
  CHECK(now->feed.done() == first_end);
  CHECK(now->state.server_end == lsn{0x500});
}

TEST_CASE("Follow: bounds", "[follow]") {
  shared_world now;
  follow_settings position, count, time;
  position.until = first_end;
  count.until_transactions = 1;
  for (const follow_settings& settings : {position, count}) {
    script steps;
    status(steps, now, beginning, beginning, true);
    transaction(steps, lsn{0x1f00}, first_end, 7, true);
    CHECK(play(steps, frame_size, following(now, settings)) == follow_end::until);
    CHECK(for_each_failure(steps, frame_size, following(now, settings)) == 6 + 5 + 1);
  }
  script quiet, already;
  status(quiet, now, beginning, beginning, true);
  quiet.gives(keepalive(first_end));
  CHECK(play(quiet, frame_size, following(now, position)) == follow_end::until);
  position.until = beginning;
  status(already, now, beginning, beginning, true);
  CHECK(play(already, frame_size, following(now, position)) == follow_end::until);
  script late;
  status(late, now, beginning, beginning, true);
  late.wakes(1s).wakes(1h);
  status(late, now, beginning, beginning, true);  // silent for so long: it is also asked
  time.until_time = link::clock::now() + 30min;
  CHECK(play(late, frame_size, following(now, time)) == follow_end::asked);
}

TEST_CASE("Follow: the server hears from us at least so often, and is asked when it is silent", "[follow]") {
  shared_world now;
  script steps;
  status(steps, now, beginning, beginning, true);
  steps.wakes(1s).wakes(1s);  // too early
  steps.wakes(10s);
  status(steps, now, beginning, beginning, false);
  steps.wakes(12s);
  status(steps, now, beginning, beginning, true, [&now] { now->state.stop = true; });
  follow_settings settings;
  settings.status_interval = 10s;
  settings.read_deadline = 60s;  // a third of it is what we wait
  CHECK(play(steps, frame_size, following(now, settings)) == follow_end::asked);
}

TEST_CASE("Follow: a slow sink stops the reading, not the talking", "[follow]") {
  shared_world now;
  pipeline::limits small_batches{1, 2, 0ms};
  script steps;
  status(steps, now, beginning, beginning, true, [&now] { now->out.allow_writes(0); });
  steps.gives(begin(lsn{0x1f00}, 7)).gives(table_t()).gives(insert("1")).gives(insert("2"));
  // Both batches are on their way: the commit waits, and nothing more is read.
  steps.gives(commit(lsn{0x1f00}, first_end)).wakes(11s);
  status(steps, now, beginning, beginning, false, [&now] {
    if (!now->out.wait_for_held_write()) throw script_mismatch("nothing is being written");
    now->out.allow_writes(scripted_sink::unlimited);
    if (!now->out.wait([&] { return now->feed.has_room(); })) throw script_mismatch("no batch comes back");
  });
  follow_settings settings;
  settings.until_transactions = 1;
  settings.read_deadline = 0ms;
  CHECK(play(steps, frame_size, following(now, settings, small_batches)) == follow_end::until);
  CHECK(now->feed.done() == first_end);
}

TEST_CASE("Follow: a sink that fails ends the stream with its own failure", "[follow]") {
  shared_world now;
  script steps;
  status(steps, now, beginning, beginning, true, [&now] { now->out.fail_writes(); });
  transaction(steps, lsn{0x1f00}, first_end, 7, true);
  steps.gives(keepalive(first_end, true));
  status(steps, now, beginning, first_end, false, [&now] {
    bool failed = now->out.wait([&] {
      try {
        now->lines->rethrow();
      } catch (const failure&) {
        return true;
      }
      return false;
    });
    if (!failed) throw script_mismatch("it does not fail");
  });
  steps.gives(begin(lsn{0x2f00}, 8));
  outcome found = outcome_of(steps, following(now));
  CHECK(found.code == "TW-SINK-WRITE");
  CHECK(now->feed.durable() == beginning);
}

// The end.

namespace {

conversation<> ending(tidewire::link& to) {
  session with{to};
  co_await end_stream(with, first_end, std::string());
}

script end_script() {
  script steps;
  steps.answers([](byte_view sent) {
    wire::standby_status last = status_in(sent);
    if (last.flushed != first_end || last.applied != first_end || last.written != first_end ||
        last.reply_requested)
      throw script_mismatch("another position");
    return bytes{};
  });
  steps.expects(copy_done());
  // What was on its way already is read and dropped.
  steps.gives(begin(lsn{0x2f00}, 8)).gives(keepalive(second_end, true));
  steps.gives(copy_done()).gives(complete("COPY 0")).gives(complete("START_REPLICATION")).gives(ready());
  steps.expects(terminate_message());
  return steps;
}

}  // namespace

TEST_CASE("The end of a stream: the last position, and goodbye from both sides", "[follow]") {
  script steps = end_script();
  play(steps, frame_size, ending);
  play(interrupted(steps), frame_size, ending);
  auto goodbye = [](std::size_t at, want) { return at >= 8; };
  CHECK(for_each_failure(steps, frame_size, ending, goodbye) == 9 + 6 + 3);
  check_cuts(steps, ending);
  script refused;
  refused.add(steps.steps()[0]).expects(copy_done()).gives(error("57P01", "shutting down", "FATAL"));
  refused.expects(terminate_message());
  play(refused, frame_size, ending);
}
