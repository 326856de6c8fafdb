#include "mongo_wire/copy_feed.hpp"

#include <algorithm>

#include "core/failure.hpp"
#include "mongo_wire/bson_writer.hpp"
#include "mongo_wire/event_line.hpp"

namespace tidewire::mongo_wire {
namespace {

/// A line's fields, without its end: `}` is for the caller to write.
template <class Fill>
std::string line_head(Fill fill) {
  std::vector<std::uint8_t> fields;
  bson_writer to(fields);
  to.put_int32("v", 1);
  fill(to);
  extended_json_options relaxed;
  relaxed.not_utf8 = bad_text::hex;
  json::buffer out;
  if (!to.finish() || !put_extended_json(out, *decode_document(fields), relaxed))
    throw failure{failure_kind::refused, "TW-MONGO-ENCODE", "a collection's name can't be written",
                  "a name with a zero byte, or something too large"};
  std::string text(out.view());
  text.pop_back();
  return text;
}

void put_time(bson_writer& to, std::string_view name, bson_timestamp at) {
  to.open_document(name);
  to.put_int64("t", at.time);
  to.put_int64("i", at.increment);
  to.close();
}

}  // namespace

struct copy_feed::mark {
  std::string_view stage;
  const copied_collection* of = nullptr;
  std::optional<std::uint64_t> tables{}, rows{};
  bool with_time = false;
};

copy_feed::copy_feed(pipeline& lines, copy_progress before, checkpoint at, extended_json_options values,
                     std::function<void()> turn_free)
    : lines_(lines),
      progress_(std::move(before)),
      handed_over_(progress_),
      at_(std::move(at)),
      values_(values),
      turn_free_(std::move(turn_free)) {
  for (const auto& [key, each] : progress_.collections) remember(each);
}

bool copy_feed::take_turn(const void* who) {
  if (turn_ && turn_ != who) return false;
  turn_ = who;
  return true;
}

void copy_feed::give_turn_back() {
  turn_ = nullptr;
  if (turn_free_) turn_free_();
}

bool copy_feed::has_room() {
  if (batch_) [[likely]]
    return true;
  lines_.rethrow();
  batch_ = lines_.acquire();
  return batch_;
}

void copy_feed::put_mark(const mark& of) {
  batch_->text(line_head([&](bson_writer& to) {
    to.put_string("op", "snapshot");
    to.put_string("stage", of.stage);
    if (of.of) {
      to.put_string("schema", of.of->database);
      to.put_string("table", of.of->name);
    }
    to.put_string("pos", at_.position);
    if (of.with_time) put_time(to, "consistent_from", progress_.newest);
    if (of.tables) to.put_int64("tables", static_cast<std::int64_t>(*of.tables));
    if (of.rows) to.put_int64("rows", static_cast<std::int64_t>(*of.rows));
  }));
  batch_->text("}\n");
}

void copy_feed::remember(const copied_collection& of) {
  kept_[of.key()] = std::make_shared<const std::string>(line_of(of));
}

checkpoint copy_feed::here() const {
  checkpoint now = at_;
  now.copy.reserve(kept_.size() + 1);
  now.copy.push_back(std::make_shared<const std::string>(times_line(progress_)));
  for (const auto& [key, line] : kept_) now.copy.push_back(line);
  return now;
}

void copy_feed::hand_over() {
  std::size_t size = batch_->size();
  lines_.submit(std::exchange(batch_, nullptr), here(), size);
  handed_over_ = progress_;
}

void copy_feed::pause() {
  if (batch_ && batch_->size() > 0 && behind_.empty()) hand_over();
}

void copy_feed::begin(bool resumed, std::size_t collections) {
  put_mark({.stage = resumed ? "resume" : "begin", .tables = collections});
  hand_over();
}

void copy_feed::open(const copied_collection& of) {
  put_mark({.stage = "begin", .of = &of});
}

void copy_feed::enter(const copied_collection& of, bson_timestamp at, bson_timestamp latest) {
  progress_.newest = std::max({progress_.newest, at, latest});
  where_ = of.database + "." + of.name;
  head_ = line_head([&](bson_writer& to) {
    to.put_string("op", "read");
    to.put_string("schema", of.database);
    to.put_string("table", of.name);
    put_time(to, "cluster_time", at);
  });
}

void copy_feed::take(bson_view document) {
  auto done = put_copied_line(*batch_, head_, document, values_);
  if (!done)
    throw failure{failure_kind::refused, "TW-MONGO-DOCUMENT",
                  "a document of " + shown(where_) +
                      " can't be decoded: " + std::string(to_string(done.error().code)) + " at offset " +
                      std::to_string(done.error().offset) + " (" + done.error().field + ")",
                  "what came before it is safe; a document of this size or depth is not legal in MongoDB"};
  ++documents_;
  if (batch_->size() >= lines_.batch_bytes()) lines_.submit(std::exchange(batch_, nullptr), std::nullopt, 0);
}

void copy_feed::chunk_done(const copied_collection& of, link::clock::time_point now) {
  if (of.last.size() > max_kept_id_bytes) {
    behind_.insert(of.key());
    return;
  }
  behind_.erase(of.key());
  progress_.collections[of.key()] = of;
  remember(of);
  if (!behind_.empty()) return;
  // Small collections share a batch: each place to go on from costs the names of all of them.
  constexpr std::chrono::milliseconds longest{250};
  if (batch_->size() < lines_.batch_bytes() / 4 && now - handed_over_at_ < longest) return;
  handed_over_at_ = now;
  hand_over();
}

void copy_feed::close(const copied_collection& of) {
  behind_.erase(of.key());
  put_mark({.stage = "end", .of = &of, .rows = of.documents});
  progress_.collections[of.key()] = of;
  remember(of);
}

void copy_feed::gone(const copied_collection& of) {
  behind_.erase(of.key());
  put_mark({.stage = "gone", .of = &of});
  progress_.collections.erase(of.key());
  kept_.erase(of.key());
}

void copy_feed::end(std::size_t collections) {
  std::uint64_t rows = 0;
  for (const auto& [key, each] : progress_.collections) rows += each.documents;
  put_mark({.stage = "end", .tables = collections, .rows = rows, .with_time = true});
  std::size_t size = batch_->size();
  lines_.submit(std::exchange(batch_, nullptr), at_, size);  // without lines of a copy: it is over
}

}  // namespace tidewire::mongo_wire
