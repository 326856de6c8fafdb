// What a stream and a copy of MongoDB have in common: the cluster, what is asked of it, whose position it is.
#pragma once

#include <asio/awaitable.hpp>
#include <memory>

#include "core/position_store.hpp"
#include "mongo_wire/change_stream.hpp"
#include "mongo_wire/connect.hpp"
#include "tidewire/options.hpp"

namespace tidewire {

struct mongo_source {
  /// Throws failure TW-USAGE-OPTION, TW-USAGE-CONNECTION-STRING. `options` outlives this.
  explicit mongo_source(const stream_options& options);

  /// Asks the DNS for what mongodb+srv needs. Blocks.
  void resolve();

  /// A connection to a server that can stream, with the images as they are wanted.
  asio::awaitable<std::unique_ptr<mongo_wire::client>> connect();
  /// One more beside it.
  asio::awaitable<std::unique_ptr<mongo_wire::client>> connect_another();

  /// Tells whether the server is still one to read from, by what it says of itself. Empty where nothing else
  /// could be read from.
  std::function<bool(const mongo_wire::hello_reply&)> watch(const mongo_wire::client& to);

  /// Without the position itself.
  stored_position described(const mongo_wire::client& with) const;
  std::string scope() const { return settings.database.empty() ? "all databases" : settings.database; }

  const stream_options& options;
  mongo_wire::cluster with;
  mongo_wire::stream_settings settings;
  mongo_wire::post_images images;

 private:
  bool connected_ = false;  // at least once
};

}  // namespace tidewire
