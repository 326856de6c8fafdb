#include "binlog/xa_prepared.hpp"

#include <algorithm>
#include <charconv>

#include "binlog/xa_statement.hpp"

namespace tidewire::binlog {

namespace {

constexpr std::size_t most_named = 3;
constexpr int most_waits = 25;  // of 0.2 s
constexpr int tries_for_proof = 10, most_tries = 30;

[[noreturn]] void refuse_prepared(const std::vector<std::string>& ids) {
  if (ids.empty())
    throw failure{failure_kind::transient, "TW-MY-XA-PREPARED",
                  "again and again XA transactions were prepared while the place to begin at was read",
                  "try again when there are fewer of them"};
  throw failure{
      failure_kind::transient, "TW-MY-XA-PREPARED",
      "XA transactions are prepared (" + prepared_text(ids) + "): whoever begins now would miss their rows",
      "wait, or end them: XA COMMIT or XA ROLLBACK with their ids"};
}

/// Formats beyond 2³¹ are shown as negative numbers.
std::uint32_t number_of(const std::optional<std::string>& text) {
  std::int64_t number = 0;
  const char* end = text ? text->data() + text->size() : nullptr;
  bool whole = text && std::from_chars(text->data(), end, number).ptr == end && !text->empty();
  if (!whole || number < -0x80000000LL || number > 0xffffffffLL)
    malformed("XA RECOVER", {decode_errc::bad_value, 0, "number"});
  return static_cast<std::uint32_t>(number);
}

/// Of format, the parts' lengths, and both parts.
std::string id_of(const std::vector<std::optional<std::string>>& row) {
  if (row.size() != 4 || !row[3]) malformed("XA RECOVER", {decode_errc::bad_value, 0, "columns"});
  std::size_t first = number_of(row[1]), second = number_of(row[2]);
  byte_view both = as_bytes(*row[3]);
  if (first > max_xa_part_bytes || second > max_xa_part_bytes || first + second != both.size())
    malformed("XA RECOVER", {decode_errc::bad_value, 0, "data"});
  xa_id_view id;
  id.format = number_of(row[0]);
  id.gtrid = both.first(first);
  id.bqual = both.subspan(first);
  return xa_text(id);
}

conversation<std::string> commits_so_far(session& with) {
  text_result counted =
      co_await text_query(with, "SHOW GLOBAL STATUS LIKE 'Com_xa_commit'", "counting XA transactions");
  std::string count(counted.first(1));
  co_return count;
}

}  // namespace

conversation<asked<std::vector<std::string>>> prepared_transactions(session& with) {
  asked<std::vector<std::string>> ids;
  text_result found;
  try {
    found = co_await text_query(with, "XA RECOVER", "looking for prepared transactions");
  } catch (const server_failure& why) {
    // MySQL's words for it are those of a damaged transaction.
    if (why.number != 1401 && why.number != 1227) throw;
    ids.missing = "seeing them takes XA_RECOVER_ADMIN (" + std::string(why.what()) + ")";
    co_return ids;
  }
  ids.value.emplace();
  for (const auto& row : found.rows) ids.value->push_back(id_of(row));
  co_return ids;
}

std::string prepared_text(const std::vector<std::string>& ids) {
  std::string text = std::to_string(ids.size()) + ": ";
  std::size_t named = std::min(ids.size(), most_named);
  for (std::size_t i = 0; i < named; ++i) text += (i ? " and " : "") + ids[i];
  if (ids.size() > named) text += " and more";
  return text;
}

conversation<> xa_looks::before(session& with, patience how) {
  for (int more = how == patience::waits ? most_waits : 0;; --more) {
    // In this order: a commit that is counted already was begun before the look, and is on the list.
    commits_ = co_await commits_so_far(with);
    auto found = co_await prepared_transactions(with);
    may_look_ = found.value.has_value();
    ids_ = std::move(found.value).value_or(std::vector<std::string>{});
    if (ids_.empty() || how == patience::at_once) co_return;
    if (more == 0) refuse_prepared(ids_);
    co_await text_query(with, "DO SLEEP(0.2)", "waiting for prepared transactions");
  }
}

conversation<bool> xa_looks::after(session& with) {
  if (!may_look_) co_return true;
  auto found = co_await prepared_transactions(with);
  std::string commits = co_await commits_so_far(with);
  bool none = ids_.empty() && found && found->empty();
  bool proven = none && commits == commits_;
  ++tries_;
  if (proven || (none && tries_ > tries_for_proof)) co_return true;
  if (tries_ == most_tries) refuse_prepared(ids_);
  co_return false;
}

conversation<fresh_start> begin_fresh(session& with, server_facts server) {
  fresh_start start{std::move(server)};
  xa_looks looks;
  for (;;) {
    co_await looks.before(with);
    co_await read_now(with, start.server);
    bool good = co_await looks.after(with);
    if (good) break;
  }
  start.saw_prepared = looks.may_look();
  co_return start;
}

}  // namespace tidewire::binlog
