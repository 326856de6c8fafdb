#include "wire/query.hpp"

#include "wire/backend_query.hpp"
#include "wire/backend_session.hpp"
#include "wire/copy.hpp"
#include "wire/frontend.hpp"
#include "wire/startup_message.hpp"

namespace tidewire::wire {
namespace {

/// Puts a result together from the messages of either protocol.
class result_builder {
 public:
  void describe(byte_view body) {
    auto view = well_formed(decode_row_description(body), "RowDescription");
    result_ = {};
    bytes_ = 0;
    field_reader fields(view);
    for (field_description field; fields.next(field);) result_.columns.emplace_back(field.name);
  }

  void add(byte_view body) {
    auto view = well_formed(decode_data_row(body), "DataRow");
    bytes_ += body.size();
    if (view.values.count != result_.columns.size())
      throw failure{failure_kind::refused, "TW-PG-MALFORMED",
                    "a DataRow of the server has " + std::to_string(view.values.count) + " values for " +
                        std::to_string(result_.columns.size()) + " columns",
                    "is this a Postgres server, and nothing between it and here?"};
    if (result_.rows.size() >= max_result_rows || bytes_ > max_result_bytes)
      throw failure{failure_kind::refused, "TW-PG-RESULT-LIMIT", "the server's answer is too large",
                    "this is a query of the catalogs: something is not what it should be"};
    auto& row = result_.rows.emplace_back();
    value_reader values(view.values);
    for (std::optional<byte_view> each; values.next(each);)
      if (each)
        row.emplace_back(as_text(*each));
      else
        row.emplace_back(std::nullopt);
  }

  void complete(byte_view body) {
    result_.tag = well_formed(decode_command_complete(body), "CommandComplete").tag;
    if (!result_.columns.empty() || last_.columns.empty()) last_ = std::move(result_);
    result_ = {};
  }

  result_set take() { return std::move(last_); }

 private:
  result_set result_, last_;
  std::size_t bytes_ = 0;
};

/// The message says no more than its tag.
void check_empty(const backend_message& message) {
  well_formed(decode_empty(message.body), name_of(message.tag));
}

error_details error_of(const backend_message& message) {
  return details_of(well_formed(decode_error_response(message.body), "ErrorResponse"));
}

void note_ready(session& with, const backend_message& message) {
  with.transaction_status = well_formed(decode_ready_for_query(message.body), "ReadyForQuery").status;
}

conversation<> start_query(session& with, const std::string& sql) {
  encoder out = with.out();
  encode_query(out, sql);
  co_await with.send(out);
}

/// After the copy itself: CommandComplete and ReadyForQuery. Gives the tag.
conversation<std::string> end_copy(session& with) {
  std::string tag;
  for (;;) {
    backend_message message = co_await with.receive();
    switch (message.tag) {
      case backend_tag::command_complete:
        tag = well_formed(decode_command_complete(message.body), "CommandComplete").tag;
        break;
      case backend_tag::error_response:
        co_await with.fail_after_ready("COPY failed", error_of(message));
        break;
      case backend_tag::ready_for_query: note_ready(with, message); co_return tag;
      default: unexpected_message(message, "the end of a COPY");
    }
  }
}

/// Sends the query and waits for the CopyInResponse or CopyOutResponse.
conversation<> begin_copy(session& with, std::string sql, backend_tag wanted) {
  co_await start_query(with, sql);
  backend_message message = co_await with.receive();
  if (message.tag == backend_tag::error_response)
    co_await with.fail_after_ready("COPY failed", error_of(message));
  if (message.tag != wanted) unexpected_message(message, "the start of a COPY");
  well_formed(decode_copy_response(message.body), name_of(wanted));
}

}  // namespace

std::string_view result_set::first(std::size_t column) const {
  if (rows.empty() || column >= rows[0].size() || !rows[0][column]) return {};
  return *rows[0][column];
}

conversation<result_set> query(session& with, std::string sql, std::string doing) {
  co_await start_query(with, sql);
  result_builder result;
  for (;;) {
    backend_message message = co_await with.receive();
    switch (message.tag) {
      case backend_tag::row_description: result.describe(message.body); break;
      case backend_tag::data_row: result.add(message.body); break;
      case backend_tag::command_complete: result.complete(message.body); break;
      case backend_tag::empty_query_response: check_empty(message); break;
      case backend_tag::error_response: co_await with.fail_after_ready(doing, error_of(message)); break;
      case backend_tag::ready_for_query: note_ready(with, message); co_return result.take();
      default: unexpected_message(message, "a query");
    }
  }
}

conversation<std::vector<query_outcome>> query_each(session& with, std::vector<std::string> sql) {
  encoder out = with.out();
  for (const std::string& each : sql) encode_query(out, each);
  co_await with.send(out);
  std::vector<query_outcome> outcomes;
  result_builder result;
  std::optional<error_details> error;
  while (outcomes.size() < sql.size()) {
    backend_message message = co_await with.receive();
    switch (message.tag) {
      case backend_tag::row_description: result.describe(message.body); break;
      case backend_tag::data_row: result.add(message.body); break;
      case backend_tag::command_complete: result.complete(message.body); break;
      case backend_tag::empty_query_response: break;
      case backend_tag::error_response: error = error_of(message); break;
      case backend_tag::ready_for_query:
        note_ready(with, message);
        outcomes.push_back({result.take(), std::move(error)});
        result = {};
        error.reset();
        break;
      default: unexpected_message(message, "several queries");
    }
  }
  co_return outcomes;
}

conversation<result_set> execute(session& with, std::string sql,
                                 std::vector<std::optional<std::string>> parameters, std::string doing) {
  encoder out = with.out();
  encode_parse(out, "", sql, {});
  std::vector<std::optional<byte_view>> values;
  for (const auto& each : parameters) values.push_back(each ? std::optional{as_bytes(*each)} : std::nullopt);
  encode_bind(out, "", "", {}, values, {});
  encode_describe(out, 'P', "");
  encode_execute(out, "", 0);
  encode_sync(out);
  co_await with.send(out);
  result_builder result;
  for (;;) {
    backend_message message = co_await with.receive();
    switch (message.tag) {
      case backend_tag::parse_complete:
      case backend_tag::bind_complete:
      case backend_tag::no_data:
      case backend_tag::empty_query_response: check_empty(message); break;
      case backend_tag::row_description: result.describe(message.body); break;
      case backend_tag::data_row: result.add(message.body); break;
      case backend_tag::command_complete: result.complete(message.body); break;
      case backend_tag::error_response: co_await with.fail_after_ready(doing, error_of(message)); break;
      case backend_tag::ready_for_query: note_ready(with, message); co_return result.take();
      default: unexpected_message(message, "an extended query");
    }
  }
}

conversation<std::string> copy_out(session& with, std::string sql, std::function<void(byte_view)> take) {
  co_await begin_copy(with, sql, backend_tag::copy_out_response);
  for (bool over = false; !over;) {
    byte_view frame = co_await with.to.receive();
    std::optional<backend_message> message = with.take(frame);
    if (!message) continue;
    if (message->tag == backend_tag::copy_data)
      take(message->body);
    else if (message->tag == backend_tag::error_response)
      co_await with.fail_after_ready("COPY failed", error_of(*message));
    else if (message->tag == backend_tag::copy_done)
      over = (check_empty(*message), true);
    else
      unexpected_message(*message, "a COPY");
  }
  std::string tag = co_await end_copy(with);
  co_return tag;
}

conversation<std::string> copy_in(session& with, std::string sql,
                                  std::function<void(std::vector<std::uint8_t>&)> fill) {
  co_await begin_copy(with, sql, backend_tag::copy_in_response);
  std::exception_ptr broken;
  std::vector<std::uint8_t> piece;
  std::string tag;
  try {
    do {
      piece.clear();
      try {
        fill(piece);
      } catch (...) {
        broken = std::current_exception();
        piece.clear();
      }
      encoder out = with.out();
      if (!piece.empty())
        encode_copy_data(out, piece);
      else if (broken)
        encode_copy_fail(out, "the client gave up");
      else
        encode_copy_done(out);
      co_await with.send(out);
      // A server that has gone takes nothing more; its last words say why.
    } while (!piece.empty() && !with.to.send_is_over());
    tag = co_await end_copy(with);
  } catch (const failure&) {
    if (!broken) throw;
  }
  if (broken) std::rethrow_exception(broken);
  co_return tag;
}

conversation<> cancel(link& to, std::int32_t process_id, std::string cancel_key) {
  encoder out{to.out};
  encode_cancel_request(out, cancel_request{process_id, as_bytes(cancel_key)});
  co_await to.send();
  try {
    co_await to.receive();
  } catch (const failure&) {
    // The server's only answer is to hang up.
  }
}

conversation<> terminate(session& with) {
  try {
    encoder out = with.out();
    encode_terminate(out);
    co_await with.send(out);
  } catch (const failure&) {
  }
}

}  // namespace tidewire::wire
