#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include "binlog/connection_url.hpp"
#include "core/tls.hpp"
#include "mongo_wire/connection_string.hpp"
#include "tidewire/check.hpp"
#include "tidewire/check_binlog.hpp"
#include "tidewire/check_mongo.hpp"
#include "tidewire/decode.hpp"
#include "tidewire/options.hpp"
#include "tidewire/setup.hpp"
#include "tidewire/setup_binlog.hpp"
#include "tidewire/setup_mongo.hpp"
#include "tidewire/snapshot.hpp"
#include "tidewire/snapshot_mongo.hpp"
#include "tidewire/status.hpp"
#include "tidewire/status_binlog.hpp"
#include "tidewire/status_mongo.hpp"
#include "tidewire/stream.hpp"
#include "tidewire/stream_binlog.hpp"
#include "tidewire/stream_mongo.hpp"
#include "wire/connection_settings.hpp"

namespace {

using namespace tidewire;

int exit_code_of(failure_kind kind) {
  switch (kind) {
    case failure_kind::transient: return 1;
    case failure_kind::usage: return 2;
    case failure_kind::refused: return 3;
  }
  return 1;
}

bool holds_secret(const std::string& url) {
  try {
    if (mongo_wire::is_mongo_url(url)) return true;
    return wire::read_connection_string(url).secret_in_string;
  } catch (const failure&) {
    return true;  // what can't be read may hold anything
  }
}

/// A password on the command line can be seen in the process list: what was read is overwritten there.
void hide_url(int argc, char** argv, const std::string& url) {
  if (!holds_secret(url)) return;
  for (int i = 1; i < argc; ++i) {
    std::string_view word = argv[i];
    // Also as --option=URL would have it.
    if (url.empty() || !word.ends_with(url)) continue;
    std::fill_n(argv[i] + (word.size() - url.size()), url.size(), '*');
  }
}

source_kind kind_of(const std::string& url) {
  if (mongo_wire::is_mongo_url(url)) return source_kind::mongodb;
  return binlog::is_mysql_url(url) ? source_kind::mysql : source_kind::postgres;
}

int run_stream_of(const options& chosen) {
  const stream_options& o = chosen.stream;
  source_kind kind = kind_of(o.url);
  refuse_options_of_others(o, kind);
  switch (kind) {
    case source_kind::postgres: run_stream(o, chosen.quiet); break;
    case source_kind::mysql: run_stream_binlog(o, chosen.quiet); break;
    case source_kind::mongodb: run_mongo_stream(o, chosen.quiet); break;
  }
  return 0;
}

int run_snapshot_of(const options& chosen) {
  const stream_options& o = chosen.snapshot;
  source_kind kind = kind_of(o.url);
  refuse_options_of_others(o, kind);
  switch (kind) {
    case source_kind::postgres: run_snapshot(o, chosen.quiet); break;
    case source_kind::mysql: run_snapshot_binlog(o, chosen.quiet); break;
    case source_kind::mongodb: run_mongo_snapshot(o, chosen.quiet); break;
  }
  return 0;
}

int run_check_of(const check_options& o) {
  switch (kind_of(o.url)) {
    case source_kind::mysql: return run_check_binlog(o);
    case source_kind::mongodb: return run_mongo_check(o);
    case source_kind::postgres: break;
  }
  return run_check(o);
}

int run_setup_of(const setup_options& o) {
  switch (kind_of(o.url)) {
    case source_kind::mysql: return run_setup_binlog(o);
    case source_kind::mongodb: return run_mongo_setup(o);
    case source_kind::postgres: break;
  }
  return run_setup(o);
}

void run_status_of(const status_options& o) {
  switch (kind_of(o.url)) {
    case source_kind::mysql: return run_status_binlog(o);
    case source_kind::mongodb: return run_mongo_status(o);
    case source_kind::postgres: break;
  }
  run_status(o);
}

int run(int argc, char** argv) {
  parsed_options parsed = parse_options(argc, argv);
  if (parsed.exit_code) return *parsed.exit_code;
  const options& chosen = parsed.chosen;
  set_log(chosen.format, chosen.quiet);
  try {
    switch (chosen.run) {
      case options::command::stream: hide_url(argc, argv, chosen.stream.url); return run_stream_of(chosen);
      case options::command::snapshot:
        hide_url(argc, argv, chosen.snapshot.url);
        return run_snapshot_of(chosen);
      case options::command::check: hide_url(argc, argv, chosen.check.url); return run_check_of(chosen.check);
      case options::command::setup: hide_url(argc, argv, chosen.setup.url); return run_setup_of(chosen.setup);
      case options::command::decode: run_decode(chosen.decode); break;
      case options::command::status:
        hide_url(argc, argv, chosen.status.url);
        run_status_of(chosen.status);
        break;
      case options::command::none: return 2;
    }
  } catch (const failure& why) {
    // `tidewire stream … | head`: the reader has what it wanted.
    if (why.code == "TW-SINK-READER-GONE") return 0;
    log(why);
    return exit_code_of(why.kind);
  } catch (const std::exception& why) {
    log(log_level::error, "TW-INTERNAL", why.what(), "this is a fault of tidewire: please report it");
    return 1;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
#if defined(M_MMAP_THRESHOLD)
  // Buffers of huge values are areas of their own, which grow without a copy and go back when they are freed.
  // Else glibc learns from the first of them to take them from its heap, which keeps them.
  mallopt(M_MMAP_THRESHOLD, 1024 * 1024);
#endif
  init_openssl();
  return run(argc, argv);
}
