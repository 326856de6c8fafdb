// A stream from its first connection to its last stored position, whatever the source: a copy first where one
// is wanted, then one connection after the other.
#pragma once

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "core/drive.hpp"
#include "core/failure.hpp"
#include "core/pipeline.hpp"
#include "core/position_store.hpp"
#include "core/sink.hpp"
#include "tidewire/copy_runner.hpp"
#include "tidewire/options.hpp"
#include "tidewire/progress.hpp"
#include "tidewire/retry_pause.hpp"

namespace tidewire {

/// How a connection ended that did not fail: as it was asked to, or another one goes on.
enum class round_end { over, again, again_at_once };

/// Members live as long as any coroutine that uses them.
class stream_runner {
 public:
  stream_runner(const stream_runner&) = delete;
  stream_runner& operator=(const stream_runner&) = delete;
  virtual ~stream_runner();

  /// Until the bound or a signal, when it ends well. Throws what a reconnect does not help against,
  /// TW-SNAPSHOT-STOPPED.
  void run();

 protected:
  stream_runner(const stream_options& options, bool quiet);
  /// Takes the position file.
  void load_position();

  // ---- What only the source knows

  virtual bool wants_copy() const;
  virtual std::unique_ptr<copy_runner> make_copy() = 0;
  /// After the copy.
  virtual void begin() {}
  /// Streams, from the first one on inside open_lines().
  virtual asio::awaitable<round_end> one_connection() = 0;
  /// After a transient failure, which it tells. `moved`: the connection has brought something.
  virtual bool may_retry(const failure& why, bool moved);
  /// Before the next connection; else it waits a little.
  virtual bool is_ready() { return true; }
  /// What the conversation looks at, and counts.
  virtual bool& stop_flag() = 0;
  virtual std::uint64_t bytes_in() const = 0;
  /// Nothing: there is nothing to show.
  virtual std::optional<progress_totals> totals() const { return std::nullopt; }
  /// All that is complete, to the pipeline.
  virtual void hand_over() = 0;
  virtual void close_capture() = 0;

  // ---- For its connections

  /// Opens the sink and the pipeline before it. If nothing is stored yet `from` is: from now on the sink's
  /// lines have an owner, whenever we die. Gives `from` with the totals of earlier runs.
  checkpoint open_lines(const stored_position& ours, std::string from);
  /// Makes durable what is complete. After an error as well as it goes: the error is what is told.
  void finish(bool after_error);

  /// While it is there a stop, and the pipeline, wake that connection.
  class followed {
   public:
    followed(stream_runner& by, connection& what, std::chrono::milliseconds tick);
    ~followed() { by_.streaming_ = nullptr; }
    followed(const followed&) = delete;
    followed& operator=(const followed&) = delete;

   private:
    stream_runner& by_;
  };

  const stream_options& options_;
  const bool show_progress_;

 private:
  asio::awaitable<void> stream();
  asio::awaitable<void> stream_on();
  asio::awaitable<bool> copy_first();
  asio::awaitable<void> print_progress();
  void stop();
  void wake();

  connection* streaming_ = nullptr;
  std::mutex wake_mutex_;
  std::function<void()> wake_;

 protected:
  asio::io_context io_{1};  // outlives what the pipeline's threads wake
  retry_pause pause_{io_};
  std::unique_ptr<position_store> store_;
  std::optional<stored_position> stored_;  // as it was when this run began
  std::unique_ptr<sink> sink_;
  std::unique_ptr<pipeline> lines_;

 private:
  std::unique_ptr<copy_runner> copy_;
  bool copying_ = false;
  bool finished_ = false;
};

}  // namespace tidewire
