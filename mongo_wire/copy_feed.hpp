// Joins copied documents to the pipeline: a line for each, marks around them, and after every chunk the place
// to go on from. Several workers may read at the same time; each writes a chunk, which it has whole, while it
// has the turn, so that a chunk stands in the sink in one piece, and nobody who has the turn waits for the
// network.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "core/link.hpp"
#include "core/pipeline.hpp"
#include "mongo_wire/copy_progress.hpp"
#include "mongo_wire/extended_json.hpp"

namespace tidewire::mongo_wire {

class copy_feed {
 public:
  /// `before`: how far an earlier round has come. `at`: what a checkpoint has beside the copy's lines, its
  /// position the one that a stream goes on from. The pipeline outlives this.
  /// `turn_free` is called when somebody who waits may have the turn.
  copy_feed(pipeline& lines, copy_progress before, checkpoint at, extended_json_options values,
            std::function<void()> turn_free = {});
  copy_feed(const copy_feed&) = delete;
  copy_feed& operator=(const copy_feed&) = delete;

  /// False while another one has it. `who`: anything that tells one worker from the others.
  bool take_turn(const void* who);
  /// Only when the feed may be left as it is: between two chunks. Whoever is stopped in the middle of one
  /// keeps the turn, so that no place to go on from follows.
  void give_turn_back();

  /// False while all batches are on their way: back-pressure. All that follows only with the turn and with
  /// room, which what hands a batch over may end. Throws what the pipeline met.
  bool has_room();

  /// The lines that say that the copy begins, or goes on.
  void begin(bool resumed, std::size_t collections);
  /// A collection that was not begun before.
  void open(const copied_collection& of);
  /// The documents that follow are of this collection, as of this time, or one up to `latest`.
  void enter(const copied_collection& of, bson_timestamp at, bson_timestamp latest);
  /// Throws failure TW-MONGO-DOCUMENT.
  void take(bson_view document);
  /// All up to `of.last` have been taken.
  void chunk_done(const copied_collection& of, link::clock::time_point now);
  /// There is nothing more of it.
  void close(const copied_collection& of);
  /// It was dropped or renamed in the middle: what was read of it is void.
  void gone(const copied_collection& of);
  /// Between two chunks: hands over what is there, because nothing more comes for now.
  void pause();
  /// The copy is complete.
  void end(std::size_t collections);

  /// How far it has come, to go on from in another round: what was handed over as complete.
  const copy_progress& handed_over() const { return handed_over_; }
  const copy_progress& progress() const { return progress_; }
  std::uint64_t documents() const { return documents_; }  // of this run

 private:
  struct mark;
  void put_mark(const mark& of);
  void remember(const copied_collection& of);
  checkpoint here() const;
  void hand_over();

  pipeline& lines_;
  copy_progress progress_, handed_over_;
  const checkpoint at_;
  const extended_json_options values_;
  std::string head_;  // of a line, up to the key
  std::string where_;
  std::map<std::pair<std::string, std::string>, std::shared_ptr<const std::string>> kept_;
  json::buffer* batch_ = nullptr;
  const std::function<void()> turn_free_;
  const void* turn_ = nullptr;
  /// Collections of which lines were written that what is kept does not count yet.
  std::set<std::pair<std::string, std::string>> behind_;
  std::uint64_t documents_ = 0;
  link::clock::time_point handed_over_at_{};
};

}  // namespace tidewire::mongo_wire
