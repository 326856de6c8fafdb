#include "mongo_wire/server_error.hpp"

#include <algorithm>
#include <array>

namespace tidewire::mongo_wire {
namespace {

struct known_error {
  std::int32_t number;
  failure_kind kind;
  const char* code;
  const char* hint;
};

constexpr const char* try_again = "the server's log says why; a reconnect may help";

constexpr const char* goes_on =
    "somebody killed it, or the server forgot it; a new one goes on from the position";

constexpr std::array known_errors{
    known_error{
        13, failure_kind::refused, "TW-MONGO-PRIVILEGE",
        "a stream of a database needs find and changeStream on {db, collection: \"\"}, one of the whole "
        "cluster on {db: \"\", collection: \"\"}; the roles read and readAnyDatabase have both"},
    known_error{18, failure_kind::refused, "TW-AUTH-PASSWORD",
                "check user, password and authSource, the database that knows the user"},
    known_error{334, failure_kind::refused, "TW-AUTH-NOT-SUPPORTED",
                "the server does not have the mechanism: authenticationMechanisms; some are in Atlas and "
                "Enterprise only"},
    known_error{47, failure_kind::refused, "TW-MONGO-IMAGE-MISSING",
                "the collection has no stored images (changeStreamPreAndPostImages), or they have expired"},
    known_error{260, failure_kind::refused, "TW-MONGO-TOKEN",
                "the position is not one to go on from with these settings"},
    known_error{280, failure_kind::refused, "TW-MONGO-TOKEN",
                "the position is of another cluster, or the events there were filtered otherwise"},
    known_error{
        286, failure_kind::refused, "TW-MONGO-HISTORY-LOST",
        "the oplog no longer reaches back to the position: changes are missing; start anew, and make the "
        "oplog larger"},
    known_error{10334, failure_kind::refused, "TW-MONGO-EVENT-TOO-LARGE",
                "an event is over 16 MB: servers from 6.0.9 on are asked to split such; upgrade the server"},
    known_error{40573, failure_kind::refused, "TW-MONGO-NOT-REPLICA-SET",
                "change streams need a replica set: start mongod with --replSet and run rs.initiate()"},
    known_error{40415, failure_kind::refused, "TW-MONGO-OPTION-VERSION",
                "the server is too old for an option: leave it out"},
    known_error{40324, failure_kind::refused, "TW-MONGO-OPTION-VERSION",
                "the server is too old for a stage: leave its option out"},
    known_error{43, failure_kind::transient, "TW-MONGO-CURSOR-GONE", goes_on},
    // Drivers leave these two to the application: somebody killed the cursor or the operation on purpose. The
    // position is as good as before.
    known_error{237, failure_kind::transient, "TW-MONGO-CURSOR-GONE", goes_on},
    known_error{11601, failure_kind::transient, "TW-MONGO-CURSOR-GONE", goes_on},
    known_error{136, failure_kind::refused, "TW-MONGO-HISTORY-LOST",
                "the oplog has overtaken the stream: changes are missing; start anew"},
    // A snapshot that is too old, not there yet, or from before the collection was altered; a plan that was
    // killed because it was.
    known_error{134, failure_kind::transient, "TW-MONGO-UNAVAILABLE", try_again},
    known_error{175, failure_kind::transient, "TW-MONGO-UNAVAILABLE", try_again},
    known_error{239, failure_kind::transient, "TW-MONGO-UNAVAILABLE", try_again},
    known_error{246, failure_kind::transient, "TW-MONGO-UNAVAILABLE", try_again},
    known_error{50, failure_kind::transient, "TW-MONGO-UNAVAILABLE", try_again},
    known_error{6, failure_kind::transient, "TW-MONGO-UNAVAILABLE", try_again},
    known_error{7, failure_kind::transient, "TW-MONGO-UNAVAILABLE", try_again},
    known_error{89, failure_kind::transient, "TW-MONGO-UNAVAILABLE", try_again},
    known_error{262, failure_kind::transient, "TW-MONGO-UNAVAILABLE", try_again},
    known_error{9001, failure_kind::transient, "TW-MONGO-UNAVAILABLE", try_again},
    // Of a mongos while a shard elects, or chunks move: without a label where the command is no change
    // stream's.
    known_error{63, failure_kind::transient, "TW-MONGO-UNAVAILABLE", try_again},
    known_error{133, failure_kind::transient, "TW-MONGO-UNAVAILABLE", try_again},
    known_error{150, failure_kind::transient, "TW-MONGO-UNAVAILABLE", try_again},
    known_error{202, failure_kind::transient, "TW-MONGO-UNAVAILABLE", try_again},
    known_error{234, failure_kind::transient, "TW-MONGO-UNAVAILABLE", try_again},
    known_error{13388, failure_kind::transient, "TW-MONGO-UNAVAILABLE", try_again},
};

const known_error& known(const reply_view& reply) {
  static constexpr known_error other{0, failure_kind::refused, "TW-MONGO-ERROR",
                                     "the server's own words are all that is known; its log may have more"};
  static constexpr known_error not_primary{0, failure_kind::transient, "TW-MONGO-NOT-PRIMARY",
                                           "the replica set may be electing: a reconnect may help"};
  if (is_not_primary(reply.code)) return not_primary;
  auto found = std::ranges::find(known_errors, reply.code, &known_error::number);
  return found != known_errors.end() ? *found : other;
}

std::string text_of(const std::string& doing, const reply_view& reply) {
  std::string text = doing + ": " + std::string(reply.message);
  text += " (" + std::to_string(reply.code);
  if (!reply.code_name.empty()) text += " " + std::string(reply.code_name);
  return text + ")";
}

}  // namespace

bool is_not_primary(std::int32_t number) {
  constexpr std::array numbers{10107, 13435, 13436, 11602, 189, 91, 11600, 10058};
  return std::ranges::find(numbers, number) != numbers.end();
}

bool is_resumable(const reply_view& reply) {
  if (has_label(reply, "NonResumableChangeStreamError")) return false;
  return has_label(reply, "ResumableChangeStreamError") || reply.code == 43;
}

server_failure::server_failure(const std::string& doing, const reply_view& reply)
    : failure(is_resumable(reply) ? failure_kind::transient : known(reply).kind, known(reply).code,
              text_of(doing, reply), known(reply).hint),
      number(reply.code),
      resumable(is_resumable(reply)) {}

}  // namespace tidewire::mongo_wire
