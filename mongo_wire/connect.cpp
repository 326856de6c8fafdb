#include "mongo_wire/connect.hpp"

#include <algorithm>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <map>
#include <random>
#include <set>

#include "core/ca_roots.hpp"
#include "core/dns_records.hpp"
#include "mongo_wire/selection.hpp"

namespace tidewire::mongo_wire {
namespace {

using clock = link::clock;

/// The specification's least time between two looks at one server.
constexpr std::chrono::milliseconds least_pause{500};

tls_options tls_options_of(const connection_options& options, const host_port& host) {
  tls_options tls;
  tls.verify = options.tls_any_certificate ? tls_verify::none
               : options.tls_any_host_name ? tls_verify::ca
                                           : tls_verify::full;
  tls.host = host.host;
  ca_roots roots = system_ca_file(options.tls_ca_file);
  tls.ca_file = roots.file;
  tls.ca_directory = roots.directory;
  tls.certificate_file = tls.key_file = options.tls_certificate_key_file;
  tls.key_password = options.tls_certificate_key_password;
  return tls;
}

endpoint endpoint_of(const host_port& host) {
  endpoint to;
  to.host = host.host;
  to.port = host.port;
  if (host.is_unix) to.unix_path = host.host;
  return to;
}

/// A member that is named directly is read from whatever it is.
std::vector<std::uint8_t> read_preference_of(const connection_options& options) {
  constexpr const char* names[] = {"primary", "primaryPreferred", "secondary", "secondaryPreferred",
                                   "nearest"};
  bool primary = options.read_from == read_mode::primary;
  std::vector<std::uint8_t> document;
  if (primary && !options.direct) return document;
  bson_writer out(document);
  out.put_string("mode", primary ? "primaryPreferred" : names[static_cast<std::size_t>(options.read_from)]);
  if (options.max_staleness_s) out.put_int64("maxStalenessSeconds", *options.max_staleness_s);
  // For a mongos, which chooses for us.
  if (!options.read_tags.empty()) out.open_array("tags");
  for (std::size_t i = 0; i < options.read_tags.size(); ++i) {
    out.open_document(std::to_string(i));
    for (const auto& [name, value] : options.read_tags[i]) out.put_string(name, value);
    out.close();
  }
  if (!options.read_tags.empty()) out.close();
  if (!out.finish())
    throw failure{failure_kind::usage, "TW-USAGE-CONNECTION-STRING",
                  "readPreferenceTags can't be sent to a server",
                  "names and values must be without zero bytes"};
  return document;
}

conversation<> encrypt(link& over, const tls_options& tls) {
  co_await over.start_tls(tls);
}

asio::awaitable<std::unique_ptr<client>> try_host(cluster& with, const connect_settings& settings,
                                                  host_port host, clock::time_point deadline) {
  const connection_options& options = with.options;
  socket_options socket;
  socket.connect_timeout = options.connect_timeout;
  socket.read_deadline = settings.read_deadline;
  link_limits limits;
  limits.max_frame_bytes = max_message_bytes;
  // A backlog comes in replies of 16 MB: the buffer for them stays while they do (sixteen times this).
  limits.max_read_bytes = max_message_bytes / 16;
  endpoint to = endpoint_of(host);
  connection made = co_await connection::connect(to, socket, message_size, limits);
  auto reached = std::make_unique<client>(std::move(made), with.clock);
  reached->host = host;
  reached->talk.on_trace = settings.on_trace;
  link& link = reached->socket.link();
  link.deadline = deadline;
  if (options.connect_timeout.count() > 0)
    link.deadline = std::min(deadline, clock::now() + options.connect_timeout);
  tls_options tls;
  if (uses_tls(options) && !host.is_unix) {
    tls = tls_options_of(options, host);
    co_await reached->run(encrypt(link, tls));
  }
  reached->talk.read_preference = read_preference_of(options);
  reached->server = co_await reached->run(log_in(reached->talk, options));
  link.deadline = clock::time_point::max();
  co_return reached;
}

class search {
 public:
  search(cluster& with, const connect_settings& settings)
      : with_(with), settings_(settings), deadline_(clock::now() + with.options.selection_timeout) {}

  asio::awaitable<std::unique_ptr<client>> run() {
    for (;;) {
      std::unique_ptr<client> found = co_await pass();
      if (found) co_return found;
      // What the last look said is worth more than one that has no time left.
      if (clock::now() + least_pause >= deadline_) fail();
      co_await sleep(least_pause);
    }
  }

 private:
  /// All servers once, those that are named on the way too. The first of the preferred kind will do, unless
  /// it takes all to know who lags behind, or who has the tags that are wanted first.
  asio::awaitable<std::unique_ptr<client>> pass() {
    std::set<host_port> asked;
    std::map<host_port, std::unique_ptr<client>> kept;
    said_.clear();
    last_ = nullptr;
    bool any_will_do = with_.options.read_tags.empty() && !with_.options.max_staleness_s;
    for (;;) {
      std::optional<host_port> host = next(asked);
      if (!host) co_return choose(kept);
      asked.insert(*host);
      std::unique_ptr<client> reached = co_await ask(*host);
      if (!reached) continue;
      bool preferred = is_preferred(reached->server.kind, with_.known.kind(), with_.options.read_from);
      if (preferred && any_will_do) co_return reached;
      kept[*host] = std::move(reached);
      said_ += "; " + host->text() + " is none that readPreference wants";
    }
  }

  std::unique_ptr<client> choose(std::map<host_port, std::unique_ptr<client>>& among) const {
    for (const host_port& each : suitable_servers(with_.known, with_.options))
      if (auto at = among.find(each); at != among.end()) return std::move(at->second);
    return nullptr;
  }

  /// The primary first, as far as we know; those that could not be reached last: a host that is silent costs
  /// all of connectTimeoutMS.
  std::optional<host_port> next(const std::set<host_port>& asked) const {
    auto rank = [](const known_server& of) {
      return of.kind == server_kind::primary ? 0 : of.said_last.empty() ? 1 : 2;
    };
    const std::pair<const host_port, known_server>* best = nullptr;
    for (const auto& each : with_.known.servers())
      if (!asked.contains(each.first) && (!best || rank(each.second) < rank(best->second))) best = &each;
    if (!best) return {};
    return best->first;
  }

  asio::awaitable<std::unique_ptr<client>> ask(host_port host) {
    std::unique_ptr<client> reached;
    std::string why;
    try {
      reached = co_await try_host(with_, settings_, host, deadline_);
    } catch (const failure& error) {
      if (error.kind != failure_kind::transient) throw;
      why = error.what();
      last_ = std::current_exception();
    }
    if (!reached) {
      with_.known.lost(host, why);
      said_ += "; " + host.text() + ": " + why;
      co_return nullptr;
    }
    bool current = with_.heard(host, reached->server);
    auto at = with_.known.servers().find(host);
    if (!current || at == with_.known.servers().end() || at->second.kind != reached->server.kind) {
      bool there = at != with_.known.servers().end();
      said_ += "; " + host.text() +
               (there && !at->second.said_last.empty() ? " " + at->second.said_last
                                                       : " is not a member under this name");
      co_return nullptr;
    }
    co_return reached;
  }

  asio::awaitable<void> sleep(std::chrono::milliseconds time) {
    auto executor = co_await asio::this_coro::executor;
    asio::steady_timer timer(executor, time);
    co_await timer.async_wait(asio::use_awaitable);
  }

  [[noreturn]] void fail() const {
    if (last_ && with_.options.hosts.size() == 1 && with_.known.servers().size() == 1)
      std::rethrow_exception(last_);
    throw failure{
        failure_kind::transient, "TW-MONGO-NO-HOST", "no server would do" + said_,
        "check the hosts and replicaSet; hosts that the set names must be reachable under those names "
        "from here (directConnection=true talks to one alone)"};
  }

  cluster& with_;
  const connect_settings& settings_;
  const clock::time_point deadline_;
  std::string said_;
  std::exception_ptr last_;
};

}  // namespace

void resolve_srv_hosts(connection_options& options) {
  if (!options.srv) return;
  auto deadline = clock::now() + options.selection_timeout;
  std::string name = options.hosts.at(0).host;
  std::vector<host_port> hosts;
  for (const srv_record& each : resolve_srv("_" + options.srv_service + "._tcp." + name, deadline))
    hosts.push_back({each.host, each.port, false});
  std::vector<std::string> texts = resolve_txt(name, deadline);
  if (texts.size() > 1)
    throw failure{failure_kind::usage, "TW-USAGE-CONNECTION-STRING",
                  "the DNS has more than one TXT record for " + name, "there may be one alone"};
  set_srv_hosts(options, std::move(hosts));
  if (options.srv_max_hosts != 0 && options.hosts.size() > options.srv_max_hosts) {
    std::ranges::shuffle(options.hosts, std::mt19937{std::random_device{}()});
    options.hosts.resize(options.srv_max_hosts);
  }
  if (!texts.empty()) add_txt_record(options, texts[0]);
}

bool cluster::heard(const host_port& from, const hello_reply& said) {
  auto now = std::chrono::duration_cast<std::chrono::milliseconds>(clock::now().time_since_epoch());
  return known.heard(from, said, now.count());
}

asio::awaitable<std::unique_ptr<client>> connect(cluster& with, connect_settings settings) {
  check_login(with.options);
  check_read_preference(with.options);
  search servers(with, settings);
  std::unique_ptr<client> found = co_await servers.run();
  co_return found;
}

}  // namespace tidewire::mongo_wire
