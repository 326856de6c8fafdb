#include "tidewire/setup_binlog.hpp"

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>

#include "binlog/setup_apply.hpp"
#include "binlog/setup_plan.hpp"
#include "binlog/text_query.hpp"
#include "core/new_password.hpp"
#include "tidewire/ask_binlog.hpp"
#include "tidewire/print_out.hpp"

namespace tidewire {
namespace {

// The servers' limits: 32 characters (MariaDB 80) and 60 (255).
constexpr std::size_t max_user_bytes = 32;
constexpr std::size_t max_host_bytes = 60;

binlog::setup_wishes wishes_of(const setup_options& options, const binlog::connection_url& from) {
  refuse_options(options.given, {"--publication", "--replica-identity-full", "--post-images"},
                 "MySQL and MariaDB");
  binlog::setup_wishes wishes;
  wishes.account = binlog::account_of(options.role);
  if (wishes.account.user.empty() || wishes.account.user.size() > max_user_bytes ||
      wishes.account.host.empty() || wishes.account.host.size() > max_host_bytes)
    throw failure{failure_kind::usage, "TW-USAGE-OPTION",
                  "an account is USER or USER@HOST, 1 to 32 bytes of user", "--role"};
  for (const std::string& each : options.tables)
    wishes.tables.push_back(binlog::parse_wanted_table(each, from.database));
  if (!options.hoster.empty()) wishes.at = binlog::parse_hoster(options.hoster);
  wishes.new_password = options.new_password;
  return wishes;
}

class binlog_setup {
 public:
  explicit binlog_setup(const setup_options& options)
      : options_(options),
        from_(binlog::parse_connection_url(options.url)),
        wishes_(wishes_of(options, from_)) {}

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
    binlog::ask_settings what;
    what.account = wishes_.account;
    what.thorough = false;
    std::unique_ptr<binlog::client> with = co_await ask_binlog(from_, what, options_.trace, facts_);
    check_server();
    password_ = binlog::fitting_password(facts_, new_password());
    steps_ = binlog::plan_setup(facts_, wishes_, password_);
    if (options_.apply) {
      check_way();
      co_await with->run(binlog::apply_setup(with->talk, steps_));
    }
    co_await with->run(binlog::quit(with->talk));
  }

  /// A plan for what could not be asked would be a guess.
  void check_server() const {
    std::string product = binlog::without_binlog(facts_.evidence());
    if (!product.empty())
      throw failure{failure_kind::refused, "TW-SETUP-UNSUPPORTED", product + " hands out no binlog",
                    "use a hoster that has it: docs/checks_mysql.md lists them"};
    if (!binlog::version_supported(facts_))
      throw failure{failure_kind::refused, "TW-MY-VERSION", "the server is " + binlog::version_text(facts_),
                    "changes are read from MySQL 5.7 and MariaDB 10.5 on"};
    for (const std::string* missing :
         {facts_.settings ? nullptr : &facts_.settings.missing,
          facts_.rights ? nullptr : &facts_.rights.missing, facts_.tables ? nullptr : &facts_.tables.missing})
      if (missing)
        throw failure{failure_kind::refused, "TW-MY-PRIVILEGE", *missing, "connect as an administrator"};
    if (facts_.rights->grants.not_understood != 0)
      throw failure{failure_kind::refused, "TW-SETUP-UNSUPPORTED",
                    "the rights of " + wishes_.account.sql() + " are of a form that is not known here",
                    "please report it with what SHOW GRANTS says, without hashes"};
  }

  /// MySQL is sent the password itself, and so is a MariaDB that looks at it.
  void check_way() const {
    const binlog::connection_fact& how = facts_.connection;
    bool safe = !how.tls_version.empty() || how.is_socket || how.is_loopback;
    if (safe || binlog::takes_verifier(facts_)) return;
    for (const setup_step& step : steps_)
      if (step.has_password)
        throw failure{failure_kind::refused, "TW-SETUP-PLAIN",
                      "the new password would cross the network as it is", "ssl-mode=required or better"};
  }

  setup_report made_report() {
    setup_report report;
    report.source = facts_.mariadb ? "MariaDB" : "MySQL";
    report.target = shown_connection(from_);
    report.version = binlog::short_version(facts_);
    binlog::check_wishes wishes;
    wishes.at = wishes_.at;
    report.hoster = display_name(binlog::hoster_of(facts_, wishes).at);
    report.applied = options_.apply;
    report.steps = std::move(steps_);
    report.role = wishes_.account.user;
    report.password = password_;
    report.next = next_command();
    return report;
  }

  std::string next_command() const {
    binlog::connection_url as_account = from_;
    as_account.user = wishes_.account.user;
    std::string place = "\"" + shown_connection(as_account) + "\"";
    return "tidewire check " + place + ", then tidewire stream " + place + ", with the password in MYSQL_PWD";
  }

  const setup_options& options_;
  const binlog::connection_url from_;
  const binlog::setup_wishes wishes_;
  binlog::check_facts facts_;
  secret password_;
  std::vector<setup_step> steps_;
};

}  // namespace

int run_setup_binlog(const setup_options& options) {
  return binlog_setup(options).run();
}

}  // namespace tidewire
