// An error that a server answered, as a failure with a stable code of ours.
#pragma once

#include "core/failure.hpp"
#include "mongo_wire/reply.hpp"

namespace tidewire::mongo_wire {

/// `number` is the server's code; `resumable`: a change stream goes on with a new cursor.
class server_failure : public failure {
 public:
  server_failure(const std::string& doing, const reply_view& reply);

  std::int32_t number;
  bool resumable;
};

/// Answers of a server that can't do now what a primary does, or is on its way down.
bool is_not_primary(std::int32_t number);

/// The specification's rule for getMore: the label, else (never on servers that have labels) the code.
bool is_resumable(const reply_view& reply);

}  // namespace tidewire::mongo_wire
