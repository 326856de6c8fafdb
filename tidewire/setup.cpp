#include "tidewire/setup.hpp"

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>

#include "core/new_password.hpp"
#include "pgoutput/preflight.hpp"
#include "pgoutput/setup_apply.hpp"
#include "tidewire/ask_source.hpp"
#include "tidewire/log.hpp"
#include "tidewire/print_out.hpp"

namespace tidewire {
namespace {

constexpr std::size_t max_role_bytes = 63;

pgoutput::setup_wishes wishes_of(const setup_options& options) {
  refuse_options(options.given, {"--post-images"}, "Postgres");
  pgoutput::source_settings stream;
  stream.slot = "tidewire";
  stream.publications = {options.publication};
  pgoutput::check_settings(stream);
  if (options.role.empty() || options.role.size() > max_role_bytes)
    throw failure{failure_kind::usage, "TW-USAGE-OPTION", "a role's name has 1 to 63 bytes", "--role"};
  pgoutput::setup_wishes wishes;
  wishes.role = options.role;
  wishes.publication = options.publication;
  for (const std::string& each : options.tables) wishes.tables.push_back(pgoutput::parse_wanted_table(each));
  wishes.at = pgoutput::hoster_of_option(options.hoster);
  if (!options.hoster.empty() && !wishes.at)
    throw failure{failure_kind::usage, "TW-USAGE-OPTION", "no hoster of Postgres: " + options.hoster,
                  "--hoster"};
  wishes.new_password = options.new_password;
  wishes.identity_full = options.identity_full;
  return wishes;
}

class setup_run {
 public:
  explicit setup_run(const setup_options& options)
      : options_(options), wishes_(wishes_of(options)), from_(wire::parse_connection_string(options.url)) {
    for (const std::string& name : from_.ignored) log(log_level::warning, "", name + " has no effect here");
  }

  int run() {
    asio::io_context io(1);
    std::exception_ptr error;
    asio::co_spawn(io, work(), [&error](std::exception_ptr failed) { error = failed; });
    io.run();
    if (error) std::rethrow_exception(error);
    setup_report report = made_report();
    print_out(options_.json ? report_json(report) : report_text(report));
    return report.incomplete() ? 3 : 0;
  }

 private:
  asio::awaitable<void> work() {
    source_question question;
    question.from = from_;
    question.what.role = wishes_.role;
    question.what.publications = {wishes_.publication};
    question.thorough = false;
    question.trace = options_.trace;
    std::unique_ptr<wire::client> with = co_await ask_source(question, facts_);
    check_server();
    auto superuser = with->talk.parameters.find("is_superuser");
    bool is_superuser = superuser != with->talk.parameters.end() && superuser->second == "on";
    password_ = new_password();
    steps_ = pgoutput::plan_setup(facts_, wishes_, password_, is_superuser);
    if (options_.apply) co_await with->run(pgoutput::apply_setup(with->talk, steps_));
    co_await with->run(wire::terminate(with->talk));
  }

  /// A plan for what could not be asked would be a guess.
  void check_server() const {
    std::string product = pgoutput::without_logical_replication(facts_.evidence());
    if (!product.empty())
      throw failure{failure_kind::refused, "TW-SETUP-UNSUPPORTED",
                    product + " has no logical replication of Postgres",
                    "use a hoster that has it: docs/checks.md lists them"};
    if (facts_.version < pgoutput::oldest_server_version)
      throw failure{failure_kind::refused, "TW-PG-VERSION",
                    "this is Postgres " + facts_.version_name + "; it takes 11 or newer",
                    "upgrade the server"};
    if (facts_.server && facts_.server->in_recovery)
      throw failure{failure_kind::refused, "TW-SETUP-STANDBY",
                    "this is a standby: nothing can be set up on it",
                    "connect to the primary (target_session_attrs=primary)"};
    for (const std::string* missing :
         {&facts_.role.missing, &facts_.publications.missing, &facts_.tables.missing,
          &facts_.published.missing, &facts_.settings.missing})
      if (!missing->empty())
        throw failure{failure_kind::refused, "TW-PG-PRIVILEGE", "the catalogs can't be read: " + *missing,
                      "connect as an administrator"};
  }

  setup_report made_report() {
    setup_report report;
    report.source = "Postgres";
    report.target = shown_connection(from_);
    report.version = facts_.version_name;
    report.hoster = pgoutput::display_name(pgoutput::hoster_of(facts_, check_wishes()).at);
    report.applied = options_.apply;
    report.steps = std::move(steps_);
    report.role = wishes_.role;
    report.password = password_;
    report.next = next_command();
    return report;
  }

  std::string next_command() const {
    wire::connection_options as_role = from_;
    as_role.user = wishes_.role;
    std::string place = "\"" + shown_connection(as_role) + "\"";
    bool failover = pgoutput::hoster_of(facts_, check_wishes()).at == pgoutput::hoster::planetscale;
    return "tidewire check " + place + ", then tidewire stream " + place + " --create-slot" +
           (failover ? " --failover" : "") +
           (wishes_.publication == "tidewire" ? "" : " --publication \"" + wishes_.publication + "\"");
  }

  pgoutput::check_wishes check_wishes() const {
    pgoutput::check_wishes wishes;
    wishes.at = wishes_.at;
    return wishes;
  }

  const setup_options& options_;
  const pgoutput::setup_wishes wishes_;
  const wire::connection_options from_;
  pgoutput::check_facts facts_;
  secret password_;
  std::vector<setup_step> steps_;
};

}  // namespace

int run_setup(const setup_options& options) {
  return setup_run(options).run();
}

}  // namespace tidewire
