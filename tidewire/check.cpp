#include "tidewire/check.hpp"

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>

#include "pgoutput/check.hpp"
#include "pgoutput/preflight.hpp"
#include "tidewire/ask_source.hpp"
#include "tidewire/check_end.hpp"
#include "tidewire/log.hpp"

namespace tidewire {
namespace {

pgoutput::check_wishes wishes_of(const check_options& options) {
  refuse_options(options.given, {"--post-images"}, "Postgres");
  pgoutput::source_settings stream;
  stream.slot = options.slot;
  stream.publications = options.publications;
  pgoutput::check_settings(stream);
  pgoutput::check_wishes wishes;
  wishes.slot = options.slot;
  wishes.publications = options.publications;
  for (const std::string& each : options.tables) wishes.tables.push_back(pgoutput::parse_wanted_table(each));
  wishes.at = pgoutput::hoster_of_option(options.hoster);
  if (!options.hoster.empty() && !wishes.at)
    throw failure{failure_kind::usage, "TW-USAGE-OPTION", "no hoster of Postgres: " + options.hoster,
                  "--hoster"};
  wishes.open_transaction_s = std::chrono::duration<double>(options.open_transactions).count();
  return wishes;
}

}  // namespace

int run_check(const check_options& options) {
  pgoutput::check_wishes wishes = wishes_of(options);
  source_question question;
  question.from = wire::parse_connection_string(options.url);
  for (const std::string& name : question.from.ignored)
    log(log_level::warning, "", name + " has no effect here");
  question.what.publications = options.publications;
  question.trace = options.trace;
  pgoutput::check_facts facts;
  check_report report;
  report.source = "Postgres";
  report.target = shown_connection(question.from);
  asio::io_context io(1);
  std::exception_ptr error;
  asio::co_spawn(io, ask_source(question, facts),
                 [&error](std::exception_ptr failed, std::unique_ptr<wire::client>) { error = failed; });
  io.run();
  check_judges judges{[&] { return pgoutput::judge(facts, wishes); },
                      [&](const failure& why) { return pgoutput::judge_no_connection(why, facts, wishes); }};
  std::unique_ptr<failure> why = judge(error, judges, report);
  report.version = facts.version_name;
  report.hoster = display_name(pgoutput::hoster_of(facts, wishes).at);
  return end_check(report, why.get(), options.json);
}

}  // namespace tidewire
