// Lines of sources whose transactions are told by other fields than Postgres's, and statements as text.
#include <cassert>

#include "core/envelope.hpp"

namespace tidewire {

void envelope_writer::enter_fields(std::string_view fields, std::int64_t commit_unix_us) {
  assert(fields.size() <= max_fields_bytes);
  char* at = json::put(common_, fields.substr(0, max_fields_bytes));
  at = json::put(at, R"(,"ts":")");
  at = put_utc(at, commit_unix_us);
  at = json::put(at, R"(","seq":)");
  common_size_ = static_cast<std::size_t>(at - common_);
}

namespace {

constexpr std::size_t seq_name = 7;  // `,"seq":`

}  // namespace

void envelope_writer::begin_fields(std::string_view fields, std::int64_t commit_unix_us) {
  enter_fields(fields, commit_unix_us);
  out_->text(R"({"v":1,"op":"begin",)");
  out_->text({common_, common_size_ - seq_name});
  tail();
}

void envelope_writer::end_fields(std::string_view op, std::string_view end_fields, std::uint64_t changes) {
  head(op);
  out_->text(",");
  out_->text({common_, common_size_ - seq_name});
  if (!end_fields.empty()) out_->text(",");
  out_->text(end_fields);
  char* at = json::put(out_->room(64), R"(,"changes":)");
  out_->end(json::put_unsigned(at, changes));
  tail();
}

void envelope_writer::statement(std::string_view op, std::uint64_t seq, std::string_view schema,
                                std::string_view sql) {
  head(op);
  char* at = out_->room(common_size_ + 64);
  *at++ = ',';
  out_->end(json::put_unsigned(json::put(at, {common_, common_size_}), seq));
  field("schema", schema);
  field("sql", sql);
  tail();
}

void envelope_writer::named_schema(const table& of) {
  head("schema");
  field("schema", of.schema);
  field("table", of.name);
  out_->text(R"(,"columns":[)");
  for (std::size_t i = 0; i < of.columns.size(); ++i) {
    const column& each = of.columns[i];
    out_->text(i ? ",{" : "{");
    std::size_t begin = out_->size();
    field("name", each.name);
    field("type", each.type);
    // field() begins with a comma.
    char* first = out_->room(0) - (out_->size() - begin);
    std::memmove(first, first + 1, out_->size() - begin - 1);
    out_->truncate(out_->size() - 1);
    out_->text(each.key ? R"(,"key":true})" : R"(,"key":false})");
  }
  out_->text("]");
  tail();
}

void envelope_writer::extend(std::string_view name, std::string_view json) {
  out_->truncate(out_->size() - 2);
  out_->text(",\"");
  out_->text(name);
  out_->text("\":");
  out_->text(json);
  tail();
}

}  // namespace tidewire
