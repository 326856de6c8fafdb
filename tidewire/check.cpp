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
  std::optional<failure> why;
  try {
    if (error) std::rethrow_exception(error);
    report.findings = pgoutput::judge(facts, wishes);
  } catch (const failure& failed) {
    if (failed.kind == failure_kind::usage) throw;
    report.findings = pgoutput::judge_no_connection(failed, facts, wishes);
    why = failed;
  }
  report.version = facts.version_name;
  report.hoster = display_name(pgoutput::hoster_of(facts, wishes).at);
  return end_check(report, why ? &*why : nullptr, options.json);
}

int end_check(const check_report& report, const failure* why, bool json) {
  print_out(json ? report_json(report) : report_text(report, colour_wanted()));
  if (!why) return report.failed() ? 3 : 0;
  // A retry does not help where something else was found to be wrong.
  bool wrong = std::ranges::any_of(report.findings, [](const check_finding& each) {
    bool of_connection =
        each.code.ends_with("-CONNECT") || each.code.ends_with("-SRV") || each.code.ends_with("-PRIMARY");
    return each.status == check_status::fail && !of_connection;
  });
  return why->kind == failure_kind::transient && !wrong ? 1 : 3;
}

}  // namespace tidewire
