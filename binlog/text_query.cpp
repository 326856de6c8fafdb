#include "binlog/text_query.hpp"

#include "binlog/dump_request.hpp"

namespace tidewire::binlog {

std::string_view text_result::first(std::size_t column) const {
  if (rows.empty() || column >= rows[0].size() || !rows[0][column]) return {};
  return *rows[0][column];
}

conversation<text_result> text_query(session& with, std::string sql, std::string doing) {
  std::vector<std::uint8_t> request{command::query};
  request.insert(request.end(), sql.begin(), sql.end());
  co_await with.command(std::move(request));
  text_result result;
  byte_view payload = co_await with.receive();
  if (payload[0] == error_head) throw_server_error(doing, payload);
  if (payload[0] == ok_head) co_return result;
  if (payload[0] == local_file_head)
    malformed("result", {decode_errc::bad_state, 0, "request for a local file"});
  constexpr std::size_t most_columns = 4096;
  cursor head(payload);
  std::size_t count = detail::take_count(head, most_columns, "column count");
  count = well_formed(head.finish(count), "column count");
  for (std::size_t i = 0; i < count; ++i) {
    payload = co_await with.receive();
    result.columns.emplace_back(well_formed(decode_column(payload), "column"));
  }
  payload = co_await with.receive();
  if (!is_eof(payload)) malformed("end of columns", {decode_errc::unknown_tag, 0, "head"});
  std::vector<std::optional<std::string_view>> values(count);
  std::size_t size = 0;
  for (;;) {
    payload = co_await with.receive();
    if (payload[0] == error_head) throw_server_error(doing, payload);
    if (is_eof(payload)) co_return result;
    size += payload.size();
    if (result.rows.size() >= max_result_rows || size > max_result_bytes)
      throw failure{failure_kind::refused, "TW-MY-RESULT-LIMIT", "the server's answer is too large", ""};
    well_formed(decode_text_row(payload, values), "row");
    auto& row = result.rows.emplace_back();
    for (const auto& each : values)
      if (each)
        row.emplace_back(std::string(*each));
      else
        row.emplace_back(std::nullopt);
  }
}

conversation<> quit(session& with) {
  std::vector<std::uint8_t> request{command::quit};
  co_await with.command(std::move(request));
}

}  // namespace tidewire::binlog
