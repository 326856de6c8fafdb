#include "tidewire/check_mongo.hpp"

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>

#include "mongo_wire/check.hpp"
#include "tidewire/ask_mongo.hpp"
#include "tidewire/check_end.hpp"
#include "tidewire/log.hpp"

namespace tidewire {
namespace {

mongo_wire::check_wishes wishes_of(const check_options& options) {
  refuse_options(options.given, {"--publication", "--slot", "--table", "--open-transactions"}, "MongoDB");
  mongo_wire::check_wishes wishes;
  wishes.at = mongo_wire::hoster_of_option(options.hoster);
  wishes.images = mongo_wire::post_images_of_option(options.post_images);
  return wishes;
}

}  // namespace

int run_mongo_check(const check_options& options) {
  mongo_wire::check_wishes wishes = wishes_of(options);
  mongo_wire::cluster with(mongo_wire::parse_connection_string(options.url));
  for (const std::string& warning : with.options.warnings) log(log_level::warning, "", warning);
  mongo_question question;
  question.trace = options.trace;
  mongo_wire::check_facts facts;
  check_report report;
  report.source = "MongoDB";
  report.target = shown_connection(with.options);
  std::unique_ptr<failure> no_primary;
  asio::io_context io(1);
  std::exception_ptr error;
  asio::co_spawn(
      io, ask_mongo(with, question, facts, &no_primary),
      [&error](std::exception_ptr failed, std::unique_ptr<mongo_wire::client>) { error = failed; });
  io.run();
  std::unique_ptr<failure> why = std::move(no_primary);
  try {
    if (error) std::rethrow_exception(error);
    report.findings = mongo_wire::judge(facts, wishes);
  } catch (const failure& failed) {
    // What the DNS has is not the command line's fault.
    if (failed.kind == failure_kind::usage && !mongo_wire::srv_failed(facts)) throw;
    report.findings = mongo_wire::judge_no_connection(failed, facts, wishes);
    why = std::make_unique<failure>(failed);
  }
  report.version = facts.version_name;
  report.hoster = display_name(mongo_wire::hoster_of(facts, wishes));
  return end_check(report, why.get(), options.json);
}

}  // namespace tidewire
