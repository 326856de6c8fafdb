// What the command line asks for. CLI11 is seen by options.cpp only.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tidewire/log.hpp"

namespace tidewire {

/// Where a bounded run ends.
struct until {
  enum class kind { never, now, position, duration, transactions };
  kind is = kind::never;
  std::string position;
  std::chrono::milliseconds duration{};
  std::uint64_t transactions = 0;
};

/// Whether the tables' content comes before their changes.
enum class snapshot_mode { never, initial, only };

struct stream_options {
  std::string url;
  std::string to = "stdout";
  std::string slot = "tidewire";
  std::vector<std::string> publications{"tidewire"};
  bool create_slot = false;
  bool temporary_slot = false;
  bool drop_slot_on_exit = false;
  bool failover = false;
  bool two_phase = false;
  bool binary = false;
  bool messages = false;
  bool streaming = true;
  bool trace = false;
  std::string origin;  // empty: the server's default (any)
  std::optional<unsigned> protocol;
  std::string position_file;  // empty: beside a file sink, none for stdout
  std::string capture_file;
  until end;
  std::chrono::milliseconds status_interval{10'000};
  std::chrono::milliseconds sync_interval{1'000};
  std::chrono::milliseconds heartbeat{0};
  std::chrono::milliseconds watch_interval{30'000};
  std::chrono::milliseconds read_deadline{60'000};
  std::chrono::milliseconds stall_limit{60'000};
  std::chrono::milliseconds lock_timeout{10'000};
  std::chrono::milliseconds slot_wait{90'000};
  // Of MongoDB.
  std::string full_document = "default";
  std::string before_image = "off";
  std::string post_images;  // off, auto_configure, read_only; empty: as full_document says
  bool expanded_events = true;
  std::string start_at;
  bool canonical = false;
  std::chrono::milliseconds await_time{1'000};

  std::string spill_dir;
  std::uint64_t spill_memory_bytes = 16u << 20;
  // Of MySQL and MariaDB only.
  std::optional<std::uint32_t> server_id;
  std::string schema_file;
  bool exact = false;  // the copy holds what was committed at its position, and nothing else
  snapshot_mode snapshot = snapshot_mode::never;
  std::vector<std::string> tables;  // to copy, schema.name each; empty: all that the publications list
  unsigned workers = 2;             // connections that copy
  std::uint64_t chunk_bytes = 0;    // of table that is copied in one go; 0: as it suits
  std::vector<std::string> given;   // the options that were, by name
};

enum class source_kind { postgres, mysql, mongodb };
/// Throws failure TW-USAGE-OPTION if one was given that has no effect on a stream or copy of this source.
void refuse_options_of_others(const stream_options& of, source_kind is);

/// Where the position is kept; empty: nowhere.
std::string position_path(const stream_options& of);
/// Where what is too large for memory goes; $TMPDIR or /tmp if nothing was asked for.
std::string spill_folder(const std::string& asked);

/// What a file holds: captures of tidewire, BSON documents one after the other, messages of MongoDB.
enum class file_kind { unknown, postgres, bson, mongo_wire };

struct decode_options {
  std::vector<std::string> files;
  std::string to = "stdout";
  file_kind kind = file_kind::unknown;  // unknown: told by its first bytes
  bool canonical = false;               // Extended JSON keeps the types of numbers
  std::string as;                       // envelope or documents; empty: what is usual for the kind
  // Of binlogs only.
  bool list = false;
  bool write_statements = false;
  std::string schema_file;
  std::uint64_t payload_limit_bytes = std::uint64_t{1} << 40;
  std::uint64_t event_limit_bytes = (std::uint64_t{1} << 30) + (1u << 20);
  std::string spill_dir;
};

struct status_options {
  std::string url;
  std::string position_file;
  std::string slot = "tidewire";
  bool json = false;
  std::vector<std::string> given;  // the options that were, by name
};

struct check_options {
  std::string url;
  std::string slot = "tidewire";
  std::vector<std::string> publications{"tidewire"};
  std::vector<std::string> tables;  // empty: whatever is published
  std::string hoster;               // empty: found out
  std::chrono::milliseconds open_transactions{10'000};
  std::string post_images;  // of MongoDB; empty: off
  bool json = false;
  bool trace = false;
  std::vector<std::string> given;  // the options that were, by name
};

struct setup_options {
  std::string url;
  std::string role = "tidewire";
  std::string publication = "tidewire";
  std::vector<std::string> tables;  // empty: all
  std::string hoster;
  bool apply = false;
  bool new_password = false;
  bool identity_full = false;
  std::string post_images;  // of MongoDB; empty: off
  bool json = false;
  bool trace = false;
  std::vector<std::string> given;  // the options that were, by name
};

struct options {
  enum class command { stream, snapshot, decode, check, setup, status, none };
  command run = command::none;
  log_format format = log_format::text;
  bool quiet = false;
  stream_options stream;
  stream_options snapshot;
  decode_options decode;
  status_options status;
  check_options check;
  setup_options setup;
};

/// Reads the command line. Prints help, version or a usage error itself and then gives the exit code instead.
struct parsed_options {
  std::optional<int> exit_code;
  options chosen;
};
parsed_options parse_options(int argc, char** argv);

/// Throws failure TW-USAGE-OPTION if one of these was given: they are another source's.
void refuse_options(const std::vector<std::string>& given, std::initializer_list<const char*> foreign,
                    const char* source);

/// `now`, an LSN such as 0/16B3748, a duration (500ms, 30s, 5m, 2h) or a count of transactions (100tx).
/// Throws failure TW-USAGE-OPTION.
until parse_until(const std::string& text);
std::chrono::milliseconds parse_duration(const std::string& text);

}  // namespace tidewire
