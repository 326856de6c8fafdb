// Any sequence of messages, as the source takes them: the order is checked, relations and types are kept,
// rows are joined with their relations. Each message is one length byte (255: two more bytes) and that many
// bytes.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "pgoutput/message.hpp"
#include "pgoutput/relation.hpp"
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
    auto stands = state_.accept(*split);
    sink(stands);
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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  cursor in({data, size});
  source from;
  while (in.remaining() != 0) {
    std::size_t length = in.u8("length");
    if (length == 255) length = in.be<std::uint16_t>("length");
    byte_view message = in.bytes(length, "message");
    if (!in.ok()) break;
    std::vector<std::uint8_t> exact(message.begin(), message.end());
    if (!from.take(exact)) break;
  }
  return 0;
}
