#include "tidewire/check_binlog.hpp"

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>

#include "binlog/check.hpp"
#include "binlog/text_query.hpp"
#include "tidewire/ask_binlog.hpp"
#include "tidewire/check_end.hpp"

namespace tidewire {
namespace {

binlog::check_wishes wishes_of(const check_options& options, const binlog::connection_url& from) {
  refuse_options(options.given, {"--publication", "--slot", "--open-transactions", "--post-images"},
                 "MySQL and MariaDB");
  binlog::check_wishes wishes;
  for (const std::string& each : options.tables)
    wishes.tables.push_back(binlog::parse_wanted_table(each, from.database));
  if (!options.hoster.empty()) wishes.at = binlog::parse_hoster(options.hoster);
  return wishes;
}

/// The connection is not needed any more.
asio::awaitable<void> ask(const binlog::connection_url& from, bool trace, binlog::check_facts& facts) {
  const binlog::ask_settings everything;
  std::unique_ptr<binlog::client> with = co_await ask_binlog(from, everything, trace, facts);
  co_await with->run(binlog::quit(with->talk));
}

}  // namespace

int run_check_binlog(const check_options& options) {
  const binlog::connection_url from = binlog::parse_connection_url(options.url);
  const binlog::check_wishes wishes = wishes_of(options, from);
  binlog::check_facts facts;
  check_report report;
  report.target = shown_connection(from);
  asio::io_context io(1);
  std::exception_ptr error;
  asio::co_spawn(io, ask(from, options.trace, facts),
                 [&error](std::exception_ptr failed) { error = failed; });
  io.run();
  check_judges judges{[&] { return binlog::judge(facts, wishes); },
                      [&](const failure& why) { return binlog::judge_no_connection(why, facts, wishes); }};
  std::unique_ptr<failure> why = judge(error, judges, report);
  report.source = facts.mariadb ? "MariaDB" : "MySQL";
  report.version = binlog::short_version(facts);
  report.hoster = display_name(binlog::hoster_of(facts, wishes).at);
  return end_check(report, why.get(), options.json);
}

}  // namespace tidewire
