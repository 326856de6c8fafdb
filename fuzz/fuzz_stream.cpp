// Any sequence of messages, as the source takes them: the order is checked, relations and types are kept,
// rows are joined with their relations, and all of it becomes lines, over a reconnect too. Each message is
// one length byte (255: two more bytes) and that many bytes; one of no bytes is a reconnect.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/json_check.hpp"
#include "pgoutput/message.hpp"
#include "pgoutput/relation.hpp"
#include "pgoutput/row_changes.hpp"
#include "pgoutput/stream_state.hpp"

using namespace tidewire;
using namespace tidewire::pgoutput;

namespace {

void require(bool holds) {
  if (!holds) __builtin_trap();
}

template <class T>
void sink(const T& value) {
  asm volatile("" ::"g"(&value) : "memory");
}

class source {
 public:
  /// False when the stream cannot go on.
  bool take(byte_view message) {
    auto split = split_message(message);
    if (!split) return false;
    auto before = state_.where();
    bool takes_rows = state_.takes_rows();
    stream_state twin = state_;
    bool took_frame = twin.takes_frame(split->tag);
    auto stands = state_.accept(*split);
    sink(stands);
    bool frame = split->tag == message_tag::begin || split->tag == message_tag::commit;
    require(took_frame == (frame && stands.has_value()));
    require(twin.where() == (took_frame ? state_.where() : before));
    if (is_row(split->tag)) {
      require(takes_rows == stands.has_value());
      require(!stands || (stands->streamed == state_.in_block() && stands->xid == state_.block_xid()));
    }
    if (!stands) {
      require(state_.where() == before);
      return false;
    }
    bool inside = state_.where() == stream_state::place::block;
    require(!stands->streamed || inside);
    require(state_.open_transactions() <= 4);
    return follow(*split, stands->streamed);
  }

 private:
  bool follow(const message_view& m, bool streamed) {
    switch (m.tag) {
      case message_tag::relation: return relation_message(m, streamed);
      case message_tag::type: {
        auto told = decode_type(m.body, streamed);
        if (!told || !types_.announce(*told)) return false;
        require(types_.find(told->oid)->type == told->name);
        return true;
      }
      case message_tag::insert: return joined(decode_insert(m.body, streamed, fresh_), streamed);
      case message_tag::update: return joined(decode_update(m.body, streamed, fresh_, old_), streamed);
      case message_tag::remove: return joined(decode_delete(m.body, streamed, old_), streamed);
      case message_tag::truncate: {
        auto truncated = decode_truncate(m.body, streamed);
        if (!truncated) return false;
        for (std::size_t i = 0; i < truncated->relation_count(); ++i)
          if (!relations_.find(truncated->relation(i), streamed)) return false;
        return true;
      }
      default: return true;
    }
  }

  bool relation_message(const message_view& m, bool streamed) {
    auto described = decode_relation(m.body, streamed);
    if (!described) return false;
    auto told = relations_.announce(*described);
    if (!told) {
      require(told.error().code == decode_errc::limit_exceeded);
      return false;
    }
    require(same_description(*told->known, *described));
    require(!relations_.announce(*described)->changed);
    require(*relations_.find(described->oid, streamed) == told->known);
    require(relations_.bytes() <= 64 * 1024);
    return true;
  }

  bool joined(const decoded<row_view>& row, bool streamed) {
    sink(row);
    if (!row) return false;
    auto of = relations_.find(*row, streamed);
    if (!of) return false;
    std::span<value> old(old_.data(), row->old_count);
    require(row->new_offset == 0 || row->new_count == (*of)->columns.size());
    if (row->old == old_tuple::key) mark_absent(old, **of);
    if (row->old == old_tuple::full) fill_unchanged({fresh_.data(), row->new_count}, old);
    for (const value& each : old) sink(each);
    return true;
  }

  stream_state state_{{4}};
  relation_cache relations_{{8, 64 * 1024}};
  type_names types_{{8, 64 * 1024}};
  std::vector<value> fresh_ = std::vector<value>(64);
  std::vector<value> old_ = std::vector<value>(64);
};

/// The same messages as lines. Whatever comes, each line is one JSON value, and what is told to be done ends
/// with a line.
class lines_of {
 public:
  lines_of() : changes_(settings()) { changes_.write_to(out_); }

  bool take(byte_view message) {
    try {
      if (message.empty()) {
        changes_.connected(changes_.done().end);
      } else {
        std::vector<std::uint8_t> padded(message.begin(), message.end());
        padded.resize(message.size() + json::input_padding);
        require(changes_.take({padded.data(), message.size()}));
        while (changes_.replaying()) changes_.replay_more();
      }
    } catch (const failure& why) {
      require(why.kind == failure_kind::refused && !why.hint.empty());
      check();
      return false;
    }
    check();
    return true;
  }

 private:
  static row_changes::settings settings() {
    row_changes::settings with;
    with.spill.memory_bytes = 4096;
    with.spill.spill_bytes = 1 << 20;
    return with;
  }

  void check() {
    std::string_view text = out_.view();
    require(changes_.done_bytes() <= text.size());
    require(changes_.done_bytes() == 0 || text[changes_.done_bytes() - 1] == '\n');
    require(text.empty() || text.back() == '\n');
    for (; !text.empty(); text.remove_prefix(text.find('\n') + 1))
      require(json::is_value(text.substr(0, text.find('\n'))));
    require(changes_.done().end >= last_end_);
    last_end_ = changes_.done().end;
    out_.clear();
    changes_.write_to(out_);
  }

  json::buffer out_;
  row_changes changes_;
  wire::lsn last_end_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  cursor in({data, size});
  source from;
  lines_of lines;
  bool decoding = true, writing = true;
  while (in.remaining() != 0) {
    std::size_t length = in.u8("length");
    if (length == 255) length = in.be<std::uint16_t>("length");
    byte_view message = in.bytes(length, "message");
    if (!in.ok()) break;
    std::vector<std::uint8_t> exact(message.begin(), message.end());
    decoding = decoding && from.take(exact);
    writing = writing && lines.take(exact);
    if (!decoding && !writing) break;
  }
  return 0;
}
