// Reads collections, each in the order of its _ids, chunk after chunk. Each chunk is a query of its own, as
// of a time that the server tells: nothing is held on the server between them, and any of them can be the
// last. Several workers, each on a connection of its own, read one collection each at the same time.
#pragma once

#include "mongo_wire/change_stream.hpp"
#include "mongo_wire/copy_feed.hpp"
#include "mongo_wire/copy_plan.hpp"

namespace tidewire::mongo_wire {

/// What both sides of the conversations look at.
struct copy_control {
  bool stop = false;
  std::uint64_t chunk_bytes = 4u << 20;  // about; a chunk is one message in any case, 16 MB at most
  std::uint64_t bytes = 0;               // of documents
  std::uint64_t documents = 0;
  std::size_t collections_done = 0;
  link::clock::time_point looked{};  // whether the position is still good
};

/// Before any worker: the marks of the beginning, and of what an earlier round has begun that is there no
/// more. False: stopped.
conversation<bool> begin_copy(session& with, copy_feed& feed, copy_plan& plan, copy_control& control);

/// One worker: takes from the plan until all of it has been read, by whomever. From time to time, between two
/// collections, it is looked whether a stream as `settings` have it could still begin at `position`. False:
/// stopped. Throws server_failure, TW-MONGO-DOCUMENT and what ends a connection; then a round of several
/// workers is to be stopped, and a copy goes on from what the feed has handed over.
conversation<bool> copy_some(session& with, copy_feed& feed, copy_plan& plan, copy_control& control,
                             stream_settings settings, std::string position);

/// After all workers: looks for the last time, and says that the copy is complete. False: stopped.
conversation<bool> end_copy(session& with, copy_feed& feed, copy_plan& plan, copy_control& control,
                            stream_settings settings, std::string position);

/// What the server counts of a collection; zeros where it does not tell.
struct collection_size {
  std::uint64_t documents = 0, bytes = 0;
};
conversation<collection_size> ask_size(session& with, std::string database, std::string collection);

}  // namespace tidewire::mongo_wire
