// What is known of tables at a position, as it is stored: any bytes and lines with a checksum that is right
// give a history or the one failure, and what is printed reads to the same. And a history that goes on with
// statements, restarts and places that become durable.
//   input: the position; lines of the file (or a whole one); behind a NUL a byte for each thing that happens
#include <algorithm>

#include "binlog/schema_history.hpp"
#include "binlog_fuzz.hpp"
#include "core/failure.hpp"
#include "core/position_store.hpp"

using namespace tidewire;
using namespace tidewire::binlog;
using namespace tidewire::binlog::fuzzing;

namespace {

std::optional<schema_history> parsed(std::string_view file, const position& at) {
  std::vector<std::uint8_t> all = exact(as_bytes(file));
  try {
    return schema_history::parse(as_text(byte_view(all)), at);
  } catch (const failure& e) {
    require(e.kind == failure_kind::refused && e.code == "TW-MY-SCHEMA-STORED");
    return std::nullopt;
  }
}

void check_stored(const schema_history& history, const position& at) {
  std::string once = history.text();
  auto again = parsed(once, at);
  require(again && again->kind() == at.kind && again->text() == once);
  require(again->unknown(50) == history.unknown(50));
}

/// A server whose tables change, and a history that is to know them: it may know nothing of a table, but
/// never what it was at another time.
class server {
 public:
  explicit server(position_kind kind) : kind_(kind), history_(up_to(1)) {}

  void run(std::string_view happens) {
    for (char c : happens.substr(0, 80)) {
      auto what = static_cast<std::uint8_t>(c);
      step(what % 8, what >> 3);
      for (std::string_view name : names) check(name);
      for (const auto& each : history_.unknown(50)) require(!history_.knows(each.first, each.second));
    }
  }

 private:
  static constexpr std::string_view names[] = {"t", "u", "v"};

  void step(unsigned what, unsigned which) {
    std::string name(names[which % 3]);
    switch (what) {
      case 0: return history_.want();
      case 1:
      case 2: {
        auto known = columns(version(name));
        return history_.learned("db", name, std::move(known));
      }
      case 3: return history_.asked_for(history_.unknown(which));
      case 4: durable_ = now_ - which % (now_ - durable_ + 1); return history_.forget_before(up_to(durable_));
      case 5: {  // another process, from some place that is not before what is durable
        durable_ = now_ = now_ - which % (now_ - durable_ + 1);
        auto again = parsed(history_.text(), up_to(now_));
        require(again.has_value());
        check_stored(*again, up_to(now_));
        history_ = std::move(*again);
        return;
      }
      case 6:  // the last transaction comes again
        if (now_ > 1) touch();
        return;
      default:
        ++now_;
        if (now_ - 2 == statements_.size()) statements_.push_back(statement(which, std::move(name)));
        touch();
    }
  }

  static ddl_tables statement(unsigned which, std::string name) {
    if (which == 31) return {true, {}, {}};
    if (which == 30) return {false, {"db"}, {}};
    if (which == 29) return {};
    return {false, {}, {{"db", std::move(name)}}};
  }

  void touch() { history_.touched(statements_[now_ - 2], mark()); }

  /// The transaction whose statement made the table what it is now.
  std::uint64_t version(std::string_view name) const {
    for (std::uint64_t at = now_; at > 1; --at)
      if (statements_[at - 2].covers("db", name)) return at;
    return 1;
  }

  static std::vector<column_facts> columns(std::uint64_t version) {
    return {{"c" + std::to_string(version), "int", "", false}};
  }

  void check(std::string_view name) {
    table_definition rows = definition_of("db", name, columns(0), false);
    rows.columns[0].name.clear();
    const table_definition* better = history_.improved(rows);
    require((better != nullptr) == history_.knows("db", name));
    if (better) require(better->columns[0].name == columns(version(name))[0].name);
  }

  position up_to(std::uint64_t number) const {
    std::string text = std::to_string(number);
    if (kind_ == position_kind::gtid_set) text = "gtid:00000000-0000-0000-0000-000000000001:1-" + text;
    if (kind_ == position_kind::domains) text = "domains:0-1-" + text;
    if (kind_ == position_kind::file) text = "file:b.000001:" + text + "99";
    return *parse_position(text);
  }
  std::string mark() const {
    std::string text = std::to_string(now_);
    if (kind_ == position_kind::gtid_set) return "gtid:00000000-0000-0000-0000-000000000001:" + text;
    if (kind_ == position_kind::domains) return "domains:0-1-" + text;
    return "file:b.000001:" + text + "01";
  }

  position_kind kind_;
  schema_history history_;
  std::uint64_t now_ = 1, durable_ = 1;  // transactions
  std::vector<ddl_tables> statements_;   // of transactions 2, 3, …
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  std::size_t line = text.find('\n');
  if (line == text.npos || size > 20'000) return 0;
  auto at = parse_position(text.substr(0, line));
  if (!at) return 0;
  std::string file = text.substr(line + 1);
  std::string happens;
  if (std::size_t nul = file.find('\0'); nul != file.npos) {
    happens = file.substr(nul + 1);
    file.resize(nul);
  }
  parsed(file, *at);
  // The same with a last line that is right.
  if (file.empty() || file.back() != '\n') file += '\n';
  auto history = parsed(file + "checksum " + position_checksum(file) + "\n", *at);
  if (history) check_stored(*history, *at);
  server(at->kind).run(happens);
  return 0;
}
