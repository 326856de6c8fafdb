// The first byte of every message but the start-up packets, and the messages' names in the manual.
#pragma once

#include <cstdint>

namespace tidewire::wire {

/// What a server sends.
enum class backend_tag : std::uint8_t {
  authentication = 'R',
  backend_key_data = 'K',
  bind_complete = '2',
  close_complete = '3',
  command_complete = 'C',
  copy_both_response = 'W',
  copy_data = 'd',
  copy_done = 'c',
  copy_in_response = 'G',
  copy_out_response = 'H',
  data_row = 'D',
  empty_query_response = 'I',
  error_response = 'E',
  function_call_response = 'V',
  negotiate_protocol_version = 'v',
  no_data = 'n',
  notice_response = 'N',
  notification_response = 'A',
  parameter_description = 't',
  parameter_status = 'S',
  parse_complete = '1',
  portal_suspended = 's',
  ready_for_query = 'Z',
  row_description = 'T',
};

/// What a client sends.
enum class frontend_tag : std::uint8_t {
  bind = 'B',
  close = 'C',
  copy_data = 'd',
  copy_done = 'c',
  copy_fail = 'f',
  describe = 'D',
  execute = 'E',
  flush = 'H',
  function_call = 'F',
  parse = 'P',
  password = 'p',  // also SASLInitialResponse, SASLResponse and GSSResponse: what came before tells which
  query = 'Q',
  sync = 'S',
  terminate = 'X',
};

/// The message's name in the manual and in libpq's traces; null for a byte that is no tag.
constexpr const char* name_of(backend_tag tag) {
  switch (tag) {
    case backend_tag::authentication: return "Authentication";
    case backend_tag::backend_key_data: return "BackendKeyData";
    case backend_tag::bind_complete: return "BindComplete";
    case backend_tag::close_complete: return "CloseComplete";
    case backend_tag::command_complete: return "CommandComplete";
    case backend_tag::copy_both_response: return "CopyBothResponse";
    case backend_tag::copy_data: return "CopyData";
    case backend_tag::copy_done: return "CopyDone";
    case backend_tag::copy_in_response: return "CopyInResponse";
    case backend_tag::copy_out_response: return "CopyOutResponse";
    case backend_tag::data_row: return "DataRow";
    case backend_tag::empty_query_response: return "EmptyQueryResponse";
    case backend_tag::error_response: return "ErrorResponse";
    case backend_tag::function_call_response: return "FunctionCallResponse";
    case backend_tag::negotiate_protocol_version: return "NegotiateProtocolVersion";
    case backend_tag::no_data: return "NoData";
    case backend_tag::notice_response: return "NoticeResponse";
    case backend_tag::notification_response: return "NotificationResponse";
    case backend_tag::parameter_description: return "ParameterDescription";
    case backend_tag::parameter_status: return "ParameterStatus";
    case backend_tag::parse_complete: return "ParseComplete";
    case backend_tag::portal_suspended: return "PortalSuspended";
    case backend_tag::ready_for_query: return "ReadyForQuery";
    case backend_tag::row_description: return "RowDescription";
  }
  return nullptr;
}

constexpr const char* name_of(frontend_tag tag) {
  switch (tag) {
    case frontend_tag::bind: return "Bind";
    case frontend_tag::close: return "Close";
    case frontend_tag::copy_data: return "CopyData";
    case frontend_tag::copy_done: return "CopyDone";
    case frontend_tag::copy_fail: return "CopyFail";
    case frontend_tag::describe: return "Describe";
    case frontend_tag::execute: return "Execute";
    case frontend_tag::flush: return "Flush";
    case frontend_tag::function_call: return "FunctionCall";
    case frontend_tag::parse: return "Parse";
    case frontend_tag::password: return "PasswordMessage";
    case frontend_tag::query: return "Query";
    case frontend_tag::sync: return "Sync";
    case frontend_tag::terminate: return "Terminate";
  }
  return nullptr;
}

}  // namespace tidewire::wire
