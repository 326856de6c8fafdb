#include "tidewire/copy_alone.hpp"

#include <algorithm>
#include <unistd.h>

#include "tidewire/log.hpp"
#include "tidewire/with_signals.hpp"

namespace tidewire {
namespace {

std::optional<stored_position> load(const std::string& path, const position_store& store) {
  std::optional<stored_position> stored = store.load();
  std::pair<std::string, std::string> alone{"copy", "only"};
  if (stored && std::ranges::find(stored->identity, alone) == stored->identity.end())
    throw failure{failure_kind::refused, "TW-POSITION-FOREIGN",
                  "the position file " + path + " is that of a stream, not of a copy that stands alone",
                  "give the copy a position file and a sink of its own"};
  return stored;
}

asio::awaitable<void> run(copy_runner& copy, bool& complete) {
  std::optional<snapshot_end> end = co_await copy.run();
  complete = end.has_value();
}

}  // namespace

void run_copy_alone(const stream_options& options, bool quiet, const copy_maker& make) {
  std::unique_ptr<position_store> store;
  std::optional<stored_position> stored;
  if (std::string path = position_path(options); !path.empty()) {
    store = std::make_unique<position_store>(path);
    stored = load(path, *store);
  }
  if (stored && stored->copy.empty())
    return log(log_level::info, "", "the copy is complete already, as of " + stored->position);
  asio::io_context io{1};
  bool progress = !quiet && ::isatty(STDERR_FILENO) != 0;
  std::unique_ptr<copy_runner> copy = make(io, {options, false, progress}, store.get(), stored);
  bool complete = false;
  std::exception_ptr failed = run_with_signals(io, run(*copy, complete), [&] { copy->stop(); });
  if (failed) std::rethrow_exception(failed);
  if (!complete) throw_copy_stopped();
}

}  // namespace tidewire
