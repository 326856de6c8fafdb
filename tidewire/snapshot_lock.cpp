#include "tidewire/snapshot_lock.hpp"

#include <asio/co_spawn.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include "binlog/copy_lock.hpp"

namespace tidewire {

using binlog::client;
using clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

namespace {

constexpr auto longest_wait = 1s, pause_between = 1s, longest_opening = 10s;

/// All at the same time, to their ends. Throws the first one's failure.
asio::awaitable<void> together(std::vector<asio::awaitable<void>> what) {
  auto executor = co_await asio::this_coro::executor;
  asio::steady_timer over(executor, clock::time_point::max());
  std::size_t running = what.size();
  std::exception_ptr error{};
  for (asio::awaitable<void>& each : what)
    asio::co_spawn(executor, std::move(each), [&](std::exception_ptr failed) {
      if (!error) error = failed;
      if (--running == 0) over.cancel();
    });
  while (running > 0) {
    asio::error_code ignored;
    co_await over.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  if (error) std::rethrow_exception(error);
}

struct attempt {
  asio::steady_timer timer;
  bool over = false;
  bool locked = false;
  bool given_up = false;
  std::exception_ptr error{};
};

asio::awaitable<void> lock(const locked_opening& with, attempt& now) {
  try {
    now.locked = co_await with.locker.run(binlog::lock_tables(with.locker.talk, with.tables));
  } catch (...) {
    now.error = std::current_exception();
  }
  now.over = true;
  now.timer.cancel();
}

/// The server waits as long for each table; this is for all of them.
asio::awaitable<void> watch(const locked_opening& with, attempt& now, const std::string& locker) {
  asio::error_code ignored;
  co_await now.timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  if (now.over) co_return;
  now.given_up = true;
  co_await with.side.run(binlog::end_waiting(with.side.talk, locker));
}

asio::awaitable<bool> try_lock(const locked_opening& with, const std::string& locker) {
  auto executor = co_await asio::this_coro::executor;
  attempt now{asio::steady_timer(executor, longest_wait + 500ms)};
  std::vector<asio::awaitable<void>> both;
  both.push_back(lock(with, now));
  both.push_back(watch(with, now, locker));
  co_await together(std::move(both));
  if (now.error) std::rethrow_exception(now.error);
  if (!now.locked || !now.given_up) co_return now.locked;
  // It came just then. What was told to end may be the next statement.
  for (int i = 0; i < 2; ++i) try {
      co_await with.locker.run(binlog::unlock_tables(with.locker.talk));
    } catch (const binlog::server_failure& why) {
      if (why.number != 1317 || i == 1) throw;
    }
  co_return false;
}

asio::awaitable<void> lock_in_time(const locked_opening& with, const std::string& locker) {
  auto executor = co_await asio::this_coro::executor;
  clock::time_point end = clock::now() + with.patience;
  for (;;) {
    bool locked = co_await try_lock(with, locker);
    if (locked) co_return;
    std::string who = co_await with.side.run(binlog::who_writes(with.side.talk, with.tables));
    if (clock::now() + pause_between >= end)
      throw failure{
          failure_kind::transient, "TW-MY-LOCK-TIMEOUT",
          "an exact copy begins when no open transaction has changed its tables; in the way: " + who,
          "end them, wait longer (--lock-timeout), or copy without --exact; who is in the way is seen "
          "with PROCESS"};
    asio::steady_timer pause(executor, pause_between);
    co_await pause.async_wait(asio::use_awaitable);
  }
}

/// The lock must not wait for who has failed: then nobody goes on.
asio::awaitable<void> guarded(const locked_opening& with, asio::awaitable<void> what) {
  try {
    co_await std::move(what);
  } catch (...) {
    for (const auto& each : with.readers) {
      each->socket.link().deadline = clock::now();
      each->socket.wake();
    }
    throw;
  }
}

asio::awaitable<void> open_first(const locked_opening& with, binlog::copy_start& start) {
  client& reader = *with.readers.front();
  if (with.server.mariadb) {
    start = co_await reader.run(binlog::begin_copy(reader.talk, with.server, binlog::xa_care::at_once));
    co_return;
  }
  co_await reader.run(binlog::open_snapshot(reader.talk, false));
}

asio::awaitable<void> open_other(client& reader, bool mariadb, std::string& place) {
  place = co_await reader.run(binlog::open_snapshot(reader.talk, mariadb));
}

/// Of MySQL. The lock has waited for prepared transactions of these tables as for all; those of others are
/// looked for.
asio::awaitable<void> read_place(const locked_opening& with, binlog::xa_looks& looks,
                                 binlog::copy_start& start) {
  client& locker = with.locker;
  co_await locker.run(looks.before(locker.talk, binlog::xa_looks::patience::at_once));
  start = co_await locker.run(binlog::place_now(locker.talk, with.server));
  start.saw_prepared = looks.may_look();
}

/// The lock's whole life but the waiting for it: a few questions, and their answers.
asio::awaitable<binlog::copy_start> open_all(const locked_opening& with, binlog::xa_looks& looks,
                                             std::vector<std::string>& places) {
  binlog::copy_start start;
  bool mariadb = with.server.mariadb;
  places.assign(with.readers.size(), {});
  std::vector<asio::awaitable<void>> all;
  if (!mariadb) all.push_back(guarded(with, read_place(with, looks, start)));
  all.push_back(guarded(with, open_first(with, start)));
  for (std::size_t i = 1; i < with.readers.size(); ++i)
    all.push_back(guarded(with, open_other(*with.readers[i], mariadb, places[i])));
  for (const auto& each : with.readers) each->socket.link().deadline = clock::now() + longest_opening;
  co_await together(std::move(all));
  for (const auto& each : with.readers) each->socket.link().deadline = clock::time_point::max();
  // MariaDB's may be several, between which others than these tables were changed.
  for (std::string& each : places)
    if (each.empty()) each = start.place;
  co_return start;
}

}  // namespace

asio::awaitable<binlog::copy_start> open_locked_snapshots(const locked_opening& with,
                                                          std::vector<std::string>& places) {
  client& locker = with.locker;
  std::string number = co_await locker.run(binlog::prepare_lock(locker.talk));
  bool mariadb = with.server.mariadb;  // its begin_copy looks for prepared transactions
  binlog::xa_looks looks;
  binlog::copy_start start;
  for (bool good = false; !good;) {
    if (!mariadb) co_await locker.run(looks.before(locker.talk));
    co_await lock_in_time(with, number);
    start = co_await open_all(with, looks, places);
    co_await locker.run(binlog::unlock_tables(locker.talk));  // it was held until now
    good = mariadb;
    if (!good) good = co_await locker.run(looks.after(locker.talk));
  }
  co_await locker.run(binlog::quit(locker.talk));
  start.exact = true;
  co_return start;
}

}  // namespace tidewire
