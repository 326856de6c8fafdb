// `tidewire snapshot`: the copy alone, from the signals to the exit.
#include <algorithm>
#include <asio/co_spawn.hpp>
#include <asio/signal_set.hpp>
#include <csignal>
#include <unistd.h>

#include "tidewire/log.hpp"
#include "tidewire/snapshot.hpp"

namespace tidewire {
namespace {

void wait_for_signal(asio::signal_set& signals, const std::function<void()>& stop) {
  signals.async_wait([&signals, &stop](const asio::error_code& error, int) {
    if (error) return;
    signals.clear();  // asked twice: at once, also while we wait for a sink that hangs
    stop();
  });
}

}  // namespace

std::optional<stored_position> load_copy_alone(const stream_options& options,
                                               std::unique_ptr<position_store>& store) {
  std::string path = position_path(options);
  if (path.empty()) return std::nullopt;
  store = std::make_unique<position_store>(path);
  std::optional<stored_position> stored = store->load();
  std::pair<std::string, std::string> alone{"copy", "only"};
  if (stored && std::ranges::find(stored->identity, alone) == stored->identity.end())
    throw failure{failure_kind::refused, "TW-POSITION-FOREIGN",
                  "the position file " + path + " is that of a stream, not of a copy that stands alone",
                  "give the copy a position file and a sink of its own"};
  if (stored && stored->copy.empty())
    log(log_level::info, "", "the copy is complete already, as of " + stored->position);
  return stored;
}

void run_copy_alone(asio::io_context& io, asio::awaitable<std::optional<snapshot_end>> copy,
                    const std::function<void()>& stop) {
  std::exception_ptr failed;
  asio::signal_set signals(io, SIGINT, SIGTERM);
  wait_for_signal(signals, stop);
  bool complete = false;
  asio::co_spawn(io, std::move(copy), [&](std::exception_ptr error, const std::optional<snapshot_end>& end) {
    failed = std::move(error);
    complete = end.has_value();
    io.stop();
  });
  io.run();
  if (failed) std::rethrow_exception(failed);
  if (!complete)
    throw failure{failure_kind::transient, "TW-SNAPSHOT-STOPPED",
                  "the copy was stopped before it was complete", "the same command goes on from there"};
}

void run_snapshot(const stream_options& options, bool quiet) {
  wire::connection_options from = wire::parse_connection_string(options.url);
  for (const std::string& name : from.ignored) log(log_level::warning, "", name + " has no effect here");
  check_sink(options.to);
  pgoutput::source_settings source;
  source.publications = options.publications;
  std::unique_ptr<position_store> store;
  std::optional<stored_position> stored = load_copy_alone(options, store);
  if (stored && stored->copy.empty()) return;
  asio::io_context io{1};
  snapshot_run copy(io, {options, source, from, false, !quiet && ::isatty(STDERR_FILENO) != 0}, store.get(),
                    stored);
  run_copy_alone(io, copy.run(), [&copy] { copy.stop(); });
}

}  // namespace tidewire
