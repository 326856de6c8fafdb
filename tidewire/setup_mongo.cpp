#include "tidewire/setup_mongo.hpp"

#include <algorithm>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>

#include "core/new_password.hpp"
#include "mongo_wire/setup_apply.hpp"
#include "tidewire/ask_mongo.hpp"
#include "tidewire/log.hpp"
#include "tidewire/print_out.hpp"

namespace tidewire {
namespace {

// No limit of the server's: one that keeps texts and error messages readable.
constexpr std::size_t max_role_bytes = 128;

mongo_wire::setup_wishes wishes_of(const setup_options& options) {
  refuse_options(options.given, {"--publication", "--table", "--replica-identity-full"}, "MongoDB");
  bool bad = std::ranges::any_of(options.role, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
  if (options.role.empty() || options.role.size() > max_role_bytes || bad)
    throw failure{failure_kind::usage, "TW-USAGE-OPTION",
                  "a user's name has 1 to 128 bytes, without control characters", "--role"};
  mongo_wire::setup_wishes wishes;
  wishes.role = options.role;
  wishes.at = mongo_wire::hoster_of_option(options.hoster);
  wishes.images = mongo_wire::post_images_of_option(options.post_images);
  wishes.new_password = options.new_password;
  return wishes;
}

class mongo_setup_run {
 public:
  explicit mongo_setup_run(const setup_options& options)
      : options_(options),
        wishes_(wishes_of(options)),
        from_(mongo_wire::parse_connection_string(options.url)),
        with_(from_) {
    for (const std::string& warning : from_.warnings) log(log_level::warning, "", warning);
    if (mongo_wire::is_internal_database(from_.database))
      throw failure{
          failure_kind::usage, "TW-USAGE-OPTION",
          from_.database + " is the server's own database, and has no change stream",
          "/DATABASE in the connection string, or / for all databases, with ?authSource=" + from_.database};
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
    mongo_question question;
    question.role = wishes_.role;
    question.trace = options_.trace;
    std::unique_ptr<mongo_wire::client> with = co_await ask_mongo(with_, question, facts_, nullptr);
    check_server();
    password_ = new_password();
    steps_ = mongo_wire::plan_setup(facts_, wishes_, password_);
    if (!options_.apply) co_return;
    check_secrecy();
    co_await with->run(mongo_wire::apply_setup(with->talk, steps_));
  }

  mongo_wire::hoster at() const {
    mongo_wire::check_wishes wishes;
    wishes.at = wishes_.at;
    return mongo_wire::hoster_of(facts_, wishes);
  }

  /// A plan for what could not be asked would be a guess.
  void check_server() const {
    using mongo_wire::server_kind;
    server_kind kind = facts_.hello.kind;
    if (kind != server_kind::primary && kind != server_kind::mongos && kind != server_kind::standalone)
      throw failure{
          failure_kind::refused, "TW-SETUP-STANDBY",
          "the server at " + facts_.connection.host + " is not the primary: nothing can be set up on it",
          "connect to the primary (without directConnection, all members named)"};
    auto need = [](const char* what, const std::string& missing) {
      throw failure{
          failure_kind::refused, "TW-MONGO-PRIVILEGE", std::string(what) + ": " + missing,
          "connect as an administrator (roles root, or userAdminAnyDatabase and dbAdminAnyDatabase)"};
    };
    // Atlas tells nobody of its users.
    if (at() != mongo_wire::hoster::atlas && !facts_.user)
      need("users can't be looked at", facts_.user.missing);
    if (at() != mongo_wire::hoster::atlas && !facts_.role)
      need("roles can't be looked at", facts_.role.missing);
    bool unseen = !facts_.collections || facts_.collections_by_name_only;
    if (wishes_.images != mongo_wire::post_images::off && unseen)
      need("the collections can't be looked at", facts_.collections.missing);
  }

  /// The server wants the password itself.
  void check_secrecy() const {
    bool sends = std::ranges::any_of(steps_, [](const auto& each) { return each.step.has_password; });
    const mongo_wire::connection_info& how = facts_.connection;
    if (!sends || how.local || !how.tls_version.empty()) return;
    throw failure{failure_kind::refused, "TW-AUTH-NOT-ALLOWED",
                  "--apply would send the new password in the clear: nothing was done",
                  "add tls=true to the connection string, or run it on the server's own machine"};
  }

  setup_report made_report() {
    setup_report report;
    report.source = "MongoDB";
    report.target = shown_connection(from_);
    report.version = facts_.version_name;
    report.hoster = display_name(at());
    report.applied = options_.apply;
    for (mongo_wire::planned_step& each : steps_) report.steps.push_back(std::move(each.step));
    report.role = wishes_.role;
    report.password = password_;
    report.next = next_command();
    report.comment = "// ";
    return report;
  }

  std::string next_command() const {
    mongo_wire::connection_options as_role = from_;
    as_role.user = wishes_.role;
    as_role.given["authsource"] = "admin";
    as_role.given.erase("authmechanism");
    std::string place = "\"" + shown_connection(as_role) + "\"";
    std::string images, documents;
    if (wishes_.images != mongo_wire::post_images::off) {
      images = " --post-images " + options_.post_images;
      documents = " --full-document required";
    }
    return "tidewire check " + place + images + ", then tidewire stream " + place + documents +
           ", each with the password (user:password@)";
  }

  const setup_options& options_;
  const mongo_wire::setup_wishes wishes_;
  const mongo_wire::connection_options from_;
  mongo_wire::cluster with_;
  mongo_wire::check_facts facts_;
  secret password_;
  std::vector<mongo_wire::planned_step> steps_;
};

}  // namespace

int run_mongo_setup(const setup_options& options) {
  return mongo_setup_run(options).run();
}

}  // namespace tidewire
