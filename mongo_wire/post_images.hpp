// Whole documents of updates: where they come from, and what becomes of an update that has none.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "mongo_wire/change_event.hpp"
#include "mongo_wire/collections.hpp"
#include "mongo_wire/image_mode.hpp"

namespace tidewire::mongo_wire {

/// Before a stream or a copy begins: turns the images of every collection on, or refuses unless all are.
/// `database` empty: all. How many were turned on. Throws failure TW-MONGO-IMAGES-OFF, which lists those that
/// lack them; TW-MONGO-PRIVILEGE, which names the collection and the grant; server_failure.
conversation<std::size_t> prepare_images(session& with, std::string database, post_images mode);

/// Turns them on for one collection. One that is not there any more is left alone.
conversation<> enable_images(session& with, std::string database, std::string collection);

/// What a stream knows of its collections' images, from the stream alone: a stream that begins again at the
/// same place comes to know the same.
class image_watch {
 public:
  /// auto_configure or read_only.
  explicit image_watch(post_images mode) : mode_(mode) {}

  /// Before the event is written. Throws failure TW-MONGO-IMAGE-MISSING for an update whose image is not
  /// there and should be; it names the document.
  void see(const change_event_view& event);

  /// A collection was made, and its images are not on yet: its updates may have none, and no position is to
  /// be kept, because whoever went on from there would not know that.
  bool holds() const { return !young_.empty(); }

  using names = std::pair<std::string, std::string>;  // database, collection
  /// Collections whose images are to be turned on; each is told once.
  std::vector<names> take_wishes() { return std::exchange(wishes_, {}); }

  /// Whether a batch has an event after which there may be wishes.
  static bool may_wish(bson_view batch);

 private:
  void forget_database(std::string_view database);

  const post_images mode_;
  std::set<names> young_;
  std::vector<names> wishes_;
};

}  // namespace tidewire::mongo_wire
