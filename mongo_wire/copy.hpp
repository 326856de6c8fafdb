// Reads a collection in the order of its _ids, chunk after chunk. Each chunk is a query of its own, as of a
// time that the server tells: nothing is held on the server between them, and any of them can be the last.
#pragma once

#include "mongo_wire/change_stream.hpp"
#include "mongo_wire/copy_feed.hpp"
#include "mongo_wire/copy_plan.hpp"

namespace tidewire::mongo_wire {

/// What both sides of the conversation look at.
struct copy_control {
  bool stop = false;
  std::uint64_t chunk_bytes = 4u << 20;  // about; a chunk is one message in any case, 16 MB at most
  std::uint64_t bytes = 0;               // of documents
  std::uint64_t documents = 0;
  std::size_t collections_done = 0;
};

enum class copy_outcome : std::uint8_t { complete, stopped, dropped, renamed };

struct copy_end {
  copy_outcome how = copy_outcome::complete;
  std::uint64_t documents = 0;  // of the collection, with those of earlier runs
  std::string new_name;         // of one that was renamed
};

/// Goes on after `of.last`. What was written is in the feed; of one that was dropped or renamed the feed is
/// told nothing. Throws server_failure, TW-MONGO-DOCUMENT and what ends a connection; a copy that ended so
/// goes on from the feed's progress.
conversation<copy_end> copy_collection(session& with, copy_feed& feed, copied_collection of, bool capped,
                                       copy_control& control);

/// All that the plan has, with the marks around it. At the end, and from time to time before, it is looked
/// whether a stream as `settings` have it could still begin at `position`. False: stopped.
conversation<bool> copy_all(session& with, copy_feed& feed, copy_plan& plan, copy_control& control,
                            stream_settings settings, std::string position);

/// Waits until the feed has room. False: stopped meanwhile.
conversation<bool> wait_for_room(session& with, copy_feed& feed, copy_control& control);

/// What the server counts of a collection; zeros where it does not tell.
struct collection_size {
  std::uint64_t documents = 0, bytes = 0;
};
conversation<collection_size> ask_size(session& with, std::string database, std::string collection);

}  // namespace tidewire::mongo_wire
