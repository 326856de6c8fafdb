// The collections of a database, or of all of them, as listCollections tells them.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "mongo_wire/session.hpp"

namespace tidewire::mongo_wire {

/// As the server names it to its own; stays the same when the collection is renamed.
using collection_id = std::array<std::uint8_t, 16>;

enum class collection_kind : std::uint8_t { plain, view, time_series };

struct collection_facts {
  std::string database, name;
  collection_kind kind = collection_kind::plain;
  collection_id id{};   // of plain ones
  bool images = false;  // changeStreamPreAndPostImages is on
  bool capped = false;

  std::string text() const { return database + "." + name; }
};

inline constexpr std::size_t max_collections = 200'000;

/// In the order of their names, without the server's own (system.…, and the databases admin, config and
/// local, which no stream of the whole cluster has). `database` empty: of all. Throws server_failure, failure
/// TW-MONGO-PRIVILEGE, TW-MONGO-COLLECTIONS for too many.
conversation<std::vector<collection_facts>> list_collections(session& with, std::string database);

/// Of operationDescription or a collection's options: whether they say that images are stored, or not;
/// nothing if they don't speak of it.
std::optional<bool> images_in(const element_view& options);

/// A name in an error's text: what steers terminals is shown as ?.
std::string shown(std::string_view name);

}  // namespace tidewire::mongo_wire
