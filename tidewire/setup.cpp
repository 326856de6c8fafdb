#include "tidewire/setup.hpp"

#include <algorithm>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>

#include "core/json_text.hpp"
#include "core/new_password.hpp"
#include "pgoutput/preflight.hpp"
#include "pgoutput/setup_apply.hpp"
#include "tidewire/ask_source.hpp"
#include "tidewire/log.hpp"
#include "tidewire/print_out.hpp"

namespace tidewire {
namespace {

using pgoutput::setup_step;
using state = setup_step::state;

constexpr std::size_t max_role_bytes = 63;

pgoutput::setup_wishes wishes_of(const setup_options& options) {
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
  if (!options.hoster.empty()) wishes.at = pgoutput::hoster_of_option(options.hoster);
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
    print_out(options_.json ? json() : text());
    bool left = std::ranges::any_of(steps_, [&](const setup_step& step) {
      bool open = step.at == state::left || step.at == state::failed || step.at == state::undone;
      return open && !step.optional;
    });
    return left ? 3 : 0;
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

  bool password_made() const {
    return std::ranges::any_of(steps_, [&](const setup_step& step) {
      return step.has_password && (options_.apply ? step.at == state::done : step.at == state::planned);
    });
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

  std::string hoster_name() const {
    return std::string(pgoutput::display_name(pgoutput::hoster_of(facts_, check_wishes()).at));
  }

  /// A plan is a script for psql: everything that is not SQL is a comment.
  std::string text() const {
    auto line = [](std::string_view words) {
      std::string plain(words);
      std::ranges::replace_if(
          plain, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
      return plain + '\n';
    };
    std::string out = line("-- " + shown_connection(from_));
    out += line("-- Postgres " + facts_.version_name + ", " + hoster_name());
    if (steps_.empty()) return out + "-- nothing is missing: nothing to do\n";
    for (const setup_step& step : steps_) {
      out += '\n' + line("-- " + step.what + (options_.apply ? ": " + std::string(to_string(step.at)) : "") +
                         (step.note.empty() ? "" : " (" + step.note + ")"));
      if (step.is == check_fix::kind::sql)
        out += line(options_.apply ? pgoutput::shown_text(step)
                                   : (step.at == state::left ? "-- " : "") + step.text);
      else
        out += line("-- " + std::string(to_string(step.is)) + ": " + step.text);
    }
    if (password_made()) {
      out += '\n' + line("-- password of " + wishes_.role + ", shown this once:");
      out += "-- " + std::string(password_.reveal()) + '\n';
    }
    return out + '\n' + line("-- next: " + next_command());
  }

  std::string json() const {
    std::string object = "{";
    json::add_raw(object, "v", "1");
    json::add_member(object, "source", "Postgres");
    json::add_member(object, "target", shown_connection(from_));
    json::add_member(object, "version", facts_.version_name);
    json::add_member(object, "hoster", hoster_name());
    json::add_raw(object, "applied", options_.apply ? "true" : "false");
    json::add_raw(object, "steps", json::array_of(steps_, [this](const setup_step& step) {
                    std::string one = "{";
                    json::add_member(one, "what", step.what);
                    json::add_member(one, "kind", to_string(step.is));
                    json::add_member(one, "text", options_.apply ? pgoutput::shown_text(step) : step.text);
                    json::add_member(one, "state", to_string(step.at));
                    json::add_member(one, "note", step.note);
                    json::add_raw(one, "optional", step.optional ? "true" : "false");
                    return one + '}';
                  }));
    json::add_member(object, "role", wishes_.role);
    if (password_made()) json::add_member(object, "password", password_.reveal());
    json::add_member(object, "next", next_command());
    return object + "}\n";
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
