// An initial copy from its first connection to its last line, whatever the source: rounds of several
// connections, again after whatever a retry helps against.
#pragma once

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/copy_totals.hpp"
#include "core/drive.hpp"
#include "core/failure.hpp"
#include "core/pipeline.hpp"
#include "core/position_store.hpp"
#include "core/sink.hpp"
#include "tidewire/copy_display.hpp"
#include "tidewire/options.hpp"
#include "tidewire/retry_pause.hpp"

namespace tidewire {

/// What a stream goes on from.
struct snapshot_end {
  std::unique_ptr<sink> to;
  stored_position position;
};

struct copy_manners {
  copy_words words{};
  bool cut_off = true;  // who is told to stop does not wait for an answer that is on its way
};

class copy_runner {
 public:
  struct settings {
    const stream_options& options;
    bool stream_follows = true;  // else the copy stands alone
    bool show_progress = false;
  };

  copy_runner(const copy_runner&) = delete;
  copy_runner& operator=(const copy_runner&) = delete;
  virtual ~copy_runner();

  /// Nothing: it was stopped. Throws what a retry doesn't help against.
  asio::awaitable<std::optional<snapshot_end>> run();
  /// What is complete is kept.
  void stop();

 protected:
  /// `stored`: that of an earlier run, whose copy is not complete. `store` may be null.
  copy_runner(asio::io_context& io, settings with, position_store* store,
              std::optional<stored_position> stored, copy_manners by = {});

  // ---- What only the source knows

  /// Opens the sink, begins the lines, lets workers do what there is to do, ends the round. True: complete.
  virtual asio::awaitable<bool> one_round() = 0;
  /// What the workers' conversations look at.
  virtual bool& stop_flag() = 0;
  virtual copy_totals totals() = 0;
  virtual bool may_retry(const failure& why) const;
  /// No worker is left; the lines still take something.
  virtual void before_last_line([[maybe_unused]] bool complete) {}
  /// All lines are durable: how far the copy has come. Then nothing may use them any more.
  virtual void keep_progress(bool complete) = 0;

  // ---- One round, in this order

  /// `beginning` is stored if nothing is: from now on the sink's lines have an owner, whenever we die; and
  /// whoever reads it knows that the copy is not complete.
  void open_sink_once(stored_position beginning);
  /// `end`: what is stored once the copy is complete. At least so many batches.
  void begin_lines(stored_position end, std::size_t batches = 0);
  /// Until all of them have ended: a failure of one ends the others.
  asio::awaitable<void> run_workers(std::size_t count,
                                    std::function<asio::awaitable<void>(std::size_t)> worker);
  /// Again and again, until a batch is free for what it has to write.
  asio::awaitable<void> wait_until(std::function<bool()> written);
  /// Makes durable what is complete. Throws what a worker met.
  void end_round(bool complete);

  // ---- Ends and wake-ups

  /// Does `what` on a connection that is woken, and told of a stop.
  asio::awaitable<void> with_client(connection& on, asio::awaitable<void> what);
  void add_client(connection& with);
  /// What a person must act on counts more than what a retry helps against.
  void fail(std::exception_ptr error);
  void wake_workers();

  asio::io_context& io_;
  const settings with_;
  const stream_options& o_;
  std::optional<stored_position> stored_;
  std::unique_ptr<sink> sink_;
  std::vector<connection*> clients_;  // who is to be told of a stop
  std::exception_ptr error_;          // of this round
  std::uint64_t bytes_before_ = 0;    // the total, when this round began
  copy_display display_;

 private:
  void halt();
  void set_wakers(std::vector<std::function<void()>> to);
  void wake_from_outside();

  const copy_manners by_;
  position_store* store_;
  retry_pause pause_{io_};
  bool stopping_ = false;  // asked from outside
  bool sink_failed_ = false;
  bool moved_ = false;  // this round has read something
  stored_position end_;
  std::size_t running_ = 0;
  asio::steady_timer finished_{io_};
  std::mutex wake_mutex_;
  std::vector<std::function<void()>> wakers_;

 protected:
  std::unique_ptr<pipeline> lines_;  // its threads use what is above
};

/// What a position file says of the copy, or of the stream's place, is none of this source's.
[[noreturn]] void refuse_damaged_position(const std::string& what);
/// TW-SNAPSHOT-STOPPED.
[[noreturn]] void throw_copy_stopped();

}  // namespace tidewire
