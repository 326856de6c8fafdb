#include "wire/session.hpp"

#include "wire/backend_session.hpp"
#include "wire/trace.hpp"

namespace tidewire::wire {

conversation<> session::send(encoder what) {
  if (!what.ok()) {
    to.out.clear();
    throw failure{failure_kind::usage, "TW-PG-ENCODE",
                  std::string("this can't be sent to the server: ") + what.error().field + " is " +
                      std::string(to_string(what.error().code)),
                  "a text with a zero byte, or one that is too long"};
  }
  trace_sent(to.out);
  co_await to.send();
}

conversation<backend_message> session::receive() {
  for (;;) {
    byte_view frame = co_await to.receive();
    std::optional<backend_message> message = take(frame);
    if (message) co_return *message;
  }
}

std::optional<backend_message> session::take(byte_view frame) {
  if (on_trace) [[unlikely]]
    trace_received(frame);
  auto message = well_formed(split_backend(frame), "message");
  switch (message.tag) {
    case backend_tag::notice_response: {
      auto notice = well_formed(decode_error_response(message.body), "NoticeResponse");
      if (on_notice) on_notice(details_of(notice));
      return std::nullopt;
    }
    case backend_tag::parameter_status: {
      auto status = well_formed(decode_parameter_status(message.body), "ParameterStatus");
      constexpr std::size_t most = 1000;
      if (parameters.size() < most) parameters[std::string(status.name)] = status.value;
      return std::nullopt;
    }
    case backend_tag::notification_response:
      well_formed(decode_notification_response(message.body), "NotificationResponse");
      return std::nullopt;
    default: return message;
  }
}

conversation<> session::fail_after_ready(std::string doing, error_details error) {
  // A FATAL error ends the connection: then there is nothing to wait for.
  bool fatal = error.severity() == "FATAL" || error.severity() == "PANIC";
  while (!fatal) {
    backend_message message = co_await receive();
    if (message.tag != backend_tag::ready_for_query) continue;
    transaction_status = well_formed(decode_ready_for_query(message.body), "ReadyForQuery").status;
    break;
  }
  throw server_failure{doing, std::move(error)};
}

void session::trace_sent(byte_view frames, bool startup) const {
  if (!on_trace) return;
  if (startup) return on_trace(trace_line(false, frames, true));
  while (!frames.empty()) {
    auto size = frame_size(frames, std::numeric_limits<std::uint32_t>::max());
    if (!size || *size == 0 || *size > frames.size()) return;
    on_trace(trace_line(false, frames.first(*size)));
    frames = frames.subspan(*size);
  }
}

void session::trace_received(byte_view frame) const {
  if (on_trace) on_trace(trace_line(true, frame));
}

void malformed(std::string_view message, const decode_error& error) {
  throw failure{failure_kind::refused, "TW-PG-MALFORMED",
                "a " + std::string(message) +
                    " of the server can't be decoded: " + std::string(to_string(error.code)) + " at offset " +
                    std::to_string(error.offset) + " (" + error.field + ")",
                "nothing of it was taken over; keep a --capture of it for a report"};
}

void unexpected_message(const backend_message& message, std::string_view during) {
  throw failure{failure_kind::refused, "TW-PG-UNEXPECTED",
                "the server sent a " + std::string(name_of(message.tag)) + " during " + std::string(during),
                "is this a Postgres server, and nothing between it and here?"};
}

}  // namespace tidewire::wire
