#include "tidewire/check.hpp"

#include <algorithm>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>

#include "pgoutput/check.hpp"
#include "pgoutput/preflight.hpp"
#include "tidewire/ask_source.hpp"
#include "tidewire/log.hpp"
#include "tidewire/print_out.hpp"

namespace tidewire {
namespace {

pgoutput::check_wishes wishes_of(const check_options& options) {
  pgoutput::source_settings stream;
  stream.slot = options.slot;
  stream.publications = options.publications;
  pgoutput::check_settings(stream);
  pgoutput::check_wishes wishes;
  wishes.slot = options.slot;
  wishes.publications = options.publications;
  for (const std::string& each : options.tables) wishes.tables.push_back(pgoutput::parse_wanted_table(each));
  if (!options.hoster.empty()) wishes.at = pgoutput::hoster_of_option(options.hoster);
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
  int exit_code = 0;
  try {
    if (error) std::rethrow_exception(error);
    report.version = facts.version_name;
    report.findings = pgoutput::judge(facts, wishes);
    if (report.failed()) exit_code = 3;
  } catch (const failure& why) {
    if (why.kind == failure_kind::usage) throw;
    report.version = facts.version_name;
    report.findings = pgoutput::judge_no_connection(why, facts, wishes);
    // A retry does not help where something else was found to be wrong.
    bool wrong = std::ranges::any_of(report.findings, [](const check_finding& each) {
      return each.status == check_status::fail && each.code != "TW-CHECK-PG-CONNECT";
    });
    exit_code = why.kind == failure_kind::transient && !wrong ? 1 : 3;
  }
  report.hoster = display_name(pgoutput::hoster_of(facts, wishes).at);
  print_out(options.json ? report_json(report) : report_text(report, colour_wanted()));
  return exit_code;
}

}  // namespace tidewire
