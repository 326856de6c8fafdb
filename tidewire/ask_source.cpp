#include "tidewire/ask_source.hpp"

#include <asio/co_spawn.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <optional>

#include "core/ca_roots.hpp"
#include "tidewire/log.hpp"
#include "wire/query.hpp"
#include "wire/server_error.hpp"

namespace tidewire {
namespace {

using std::chrono::milliseconds;

// Long enough for a figure, short enough to wait for.
constexpr milliseconds sample_time{250};
constexpr milliseconds patience{15'000};

wire::connect_settings settings_for(const source_question& question) {
  wire::connect_settings how;
  how.application_name = "tidewire check";
  how.read_deadline = patience;
  how.on_warning = [](const std::string& text) { log(log_level::warning, "", text); };
  if (question.trace) how.on_trace = print_trace;
  return how;
}

/// A replication connection is the one proof that the role may have one, whatever the hoster calls it.
asio::awaitable<pgoutput::replication_probe> try_replication(source_question question) {
  pgoutput::replication_probe probe;
  wire::connect_settings how = settings_for(question);
  how.replication = true;
  how.on_warning = nullptr;  // was said already
  try {
    std::unique_ptr<wire::client> made = co_await wire::connect(question.from, how);
    co_await made->run(wire::query(made->talk, "IDENTIFY_SYSTEM"));
    co_await made->run(wire::terminate(made->talk));
    probe.works = true;
  } catch (const wire::server_failure& why) {
    probe.sqlstate = why.sqlstate();
    probe.text = why.details.message();
  } catch (const failure& why) {
    probe.text = why.what();
  }
  co_return probe;
}

}  // namespace

void describe_connection(const wire::connection_options& from, const wire::host_port& host,
                         pgoutput::check_facts& into) {
  pgoutput::connection_fact& connection = into.connection;
  connection.host = host.host.empty() ? host.hostaddr : host.host;
  connection.port = host.port;
  connection.is_unix = host.is_unix;
  connection.is_loopback = wire::is_loopback(host);
  connection.user = from.user;
  connection.database = from.dbname;
  ca_roots system = system_ca_file();
  connection.tls_mode = to_string(wire::effective_sslmode(from, host, system.found()));
  if (!from.sslrootcert.empty() && from.sslrootcert != "system")
    connection.ca = from.sslrootcert + " (sslrootcert)";
  else if (system.found())
    connection.ca = (system.file.empty() ? system.directory : system.file) + " (" + system.origin + ")";
}

std::string shown_connection(wire::connection_options from) {
  from.passfile.clear();
  return redacted(from);
}

asio::awaitable<std::unique_ptr<wire::client>> ask_source(source_question question,
                                                          pgoutput::check_facts& into) {
  describe_connection(question.from, question.from.hosts.front(), into);
  std::unique_ptr<wire::client> with = co_await wire::connect(question.from, settings_for(question));
  describe_connection(question.from, with->host, into);
  if (const tls_info* tls = with->socket.link().tls()) into.connection.tls_version = tls->version;
  co_await with->run(pgoutput::ask_facts(with->talk, question.what, into));
  if (!question.thorough) co_return with;
  // Only now, so that it was not counted among the walsenders; meanwhile the server writes some WAL.
  auto executor = co_await asio::this_coro::executor;
  asio::steady_timer probe_over(executor, asio::steady_timer::time_point::max());
  bool probed = false;
  pgoutput::replication_probe probe;
  source_question again = question;
  again.from.hosts = {with->host};
  asio::co_spawn(executor, try_replication(again),
                 [&](std::exception_ptr error, pgoutput::replication_probe result) {
                   if (!error) probe = std::move(result);
                   probed = true;
                   probe_over.cancel();
                 });
  std::exception_ptr error;
  try {
    asio::steady_timer pause(executor, sample_time);
    co_await pause.async_wait(asio::use_awaitable);
    co_await with->run(pgoutput::ask_again(with->talk, into));
  } catch (...) {
    error = std::current_exception();
  }
  // It refers to this frame: it must be over before we leave.
  asio::error_code cancelled;
  if (!probed) co_await probe_over.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  into.probe.value = std::move(probe);
  if (error) std::rethrow_exception(error);
  co_return with;
}

}  // namespace tidewire
