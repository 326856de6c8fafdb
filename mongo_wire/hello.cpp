#include "mongo_wire/hello.hpp"

#include "mongo_wire/message.hpp"

namespace tidewire::mongo_wire {
namespace {

class hello_decoder {
 public:
  decoded<hello_reply> decode(bson_view reply) {
    bson_reader reader(reply);
    for (element_view each; reader.next(each);) field(each);
    if (!reader.ok()) check_.also(reader.error());
    if (!check_.ok()) return std::unexpected(check_.error());
    if (ok_) hello_.kind = kind();
    return std::move(hello_);
  }

 private:
  void field(const element_view& each) {
    std::string_view name = each.name;
    if (name == "ok") return check_.take(each, each.as_truth(), ok_, "ok");
    if (name == "isWritablePrimary" || name == "ismaster")
      return check_.take(each, each.as_truth(), writable_, "isWritablePrimary");
    if (name == "secondary") return check_.take(each, each.as_truth(), secondary_, "secondary");
    if (name == "arbiterOnly") return check_.take(each, each.as_truth(), arbiter_, "arbiterOnly");
    if (name == "hidden") return check_.take(each, each.as_truth(), hidden_, "hidden");
    if (name == "isreplicaset") return check_.take(each, each.as_truth(), ghost_, "isreplicaset");
    if (name == "msg") return text(each, message_, "msg");
    if (name == "setName") return text(each, hello_.set_name, "setName");
    if (name == "me") return text(each, hello_.me, "me");
    if (name == "primary") return text(each, hello_.primary, "primary");
    if (name == "hosts" || name == "passives" || name == "arbiters")
      return texts(each, hello_.hosts, "hosts", max_hello_hosts);
    if (name == "compression") return texts(each, hello_.compression, "compression", 16);
    if (name == "saslSupportedMechs") {
      hello_.mechanisms.emplace();
      return texts(each, *hello_.mechanisms, "saslSupportedMechs", 32);
    }
    if (name == "electionId") {
      auto id = each.as_object_id();
      if (!id) return check_.fail(each, "electionId");
      hello_.election_id = as_text(*id);
      return;
    }
    if (name == "serviceId") {
      if (!each.as_object_id()) return check_.fail(each, "serviceId");
      hello_.load_balanced = true;
      return;
    }
    if (name == "lastWrite") return last_write(each);
    if (name == "tags") return tags(each);
    if (name == "speculativeAuthenticate") {
      auto document = each.as_document();
      if (!document) return check_.fail(each, "speculativeAuthenticate");
      byte_view bytes = document->bytes();
      hello_.speculative.assign(bytes.begin(), bytes.end());
      return;
    }
    numbers(each);
  }

  void numbers(const element_view& each) {
    auto into = [&](auto& to, const char* name, std::int64_t least, std::int64_t most) {
      auto number = each.as_integer();
      if (!number || *number < least || *number > most) return check_.fail(each, name);
      to = static_cast<std::remove_reference_t<decltype(to)>>(*number);
    };
    if (each.name == "minWireVersion") return into(hello_.min_wire_version, "minWireVersion", 0, 1 << 20);
    if (each.name == "maxWireVersion") return into(hello_.max_wire_version, "maxWireVersion", 0, 1 << 20);
    if (each.name == "maxMessageSizeBytes")
      return into(hello_.max_message_bytes, "maxMessageSizeBytes", 0, 1u << 31);
    if (each.type == bson_type::null) return;
    std::int64_t number = 0;
    if (each.name == "setVersion") {
      into(number, "setVersion", 0, 1ll << 40);
      hello_.set_version = number;
    } else if (each.name == "logicalSessionTimeoutMinutes") {
      into(number, "logicalSessionTimeoutMinutes", 0, 1ll << 40);
      hello_.session_minutes = number;
    }
  }

  void last_write(const element_view& each) {
    auto document = each.as_document();
    if (!document) return check_.fail(each, "lastWrite");
    auto date = find(*document, "lastWriteDate");
    if (!date) return check_.also(date.error());
    hello_.last_write_ms = date->as_date_time();
    auto at = find(*document, "opTime");
    if (!at) return check_.also(at.error());
    if (!*at) return;
    auto time = at->as_document();
    if (!time) return check_.fail(*at, "lastWrite.opTime");
    auto stamp = find(*time, "ts");
    if (!stamp) return check_.also(stamp.error());
    hello_.last_write = stamp->as_timestamp();
  }

  void tags(const element_view& each) {
    auto document = each.as_document();
    if (!document) return check_.fail(each, "tags");
    bson_reader reader(*document);
    for (element_view one; reader.next(one);) {
      if (hello_.tags.size() == max_hello_tags)
        return check_.also({decode_errc::limit_exceeded, one.element_offset(), "tags"});
      text(one, hello_.tags[std::string(one.name)], "tags");
    }
    if (!reader.ok()) check_.also(reader.error());
  }

  void text(const element_view& each, std::string& to, const char* name) {
    auto value = each.as_string();
    if (!value || value->size() > 1024) return check_.fail(each, name);
    to = *value;
  }

  void texts(const element_view& each, std::vector<std::string>& to, const char* name, std::size_t most) {
    auto array = each.as_array();
    if (!array) return check_.fail(each, name);
    bson_reader reader(*array);
    for (element_view one; reader.next(one);) {
      if (to.size() == most) return check_.also({decode_errc::limit_exceeded, one.element_offset(), name});
      text(one, to.emplace_back(), name);
    }
    if (!reader.ok()) check_.also(reader.error());
  }

  server_kind kind() const {
    if (message_ == "isdbgrid") return server_kind::mongos;
    if (ghost_) return server_kind::ghost;
    if (hello_.set_name.empty()) return server_kind::standalone;
    if (hidden_) return server_kind::other;
    if (writable_) return server_kind::primary;
    if (secondary_) return server_kind::secondary;
    if (arbiter_) return server_kind::arbiter;
    return server_kind::other;
  }

  hello_reply hello_;
  detail::field_check check_;
  bool ok_ = false, writable_ = false, secondary_ = false, arbiter_ = false, hidden_ = false, ghost_ = false;
  std::string message_;
};

}  // namespace

decoded<hello_reply> decode_hello(bson_view reply) {
  return hello_decoder().decode(reply);
}

}  // namespace tidewire::mongo_wire
