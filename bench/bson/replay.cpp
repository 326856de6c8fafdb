// A server that has a change stream ready: it answers getMore with the replies of a corpus, faster than
// anyone reads them, for one client after the other.
//
//   replay CLASS MB [EVENTS_PER_REPLY]
//
// Prints its port, and for each client that has gone how many events and bytes it got. What is asked besides
// is answered as a primary of a replica set does. The time it tells of its last operation is that of the last
// event, so that `--until now` reads all of them; after that replies are empty, and take as long as asked
// for.

#include <array>
#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/bson/corpus.hpp"
#include "mongo_wire/op_legacy.hpp"

namespace tidewire::bench {
namespace {

using namespace mongo_wire;

class client {
 public:
  client(int socket, corpus& from) : socket_(socket), from_(from) {}

  void serve() {
    while (read_message()) answer();
    std::printf("%zu events %zu bytes\n", sent_ * from_.events.size() / from_.replies.size(), sent_bytes_);
    std::fflush(stdout);
  }

 private:
  bool read_some(std::size_t want) {
    while (in_.size() < want) {
      std::array<std::uint8_t, 4096> some;
      ssize_t got = ::read(socket_, some.data(), some.size());
      if (got <= 0) return false;
      in_.insert(in_.end(), some.begin(), some.begin() + got);
    }
    return true;
  }

  bool read_message() {
    in_.clear();  // nobody asks before the answer has come
    if (!read_some(message_header_bytes)) return false;
    auto length = load_le<std::uint32_t>(in_.data());
    return length < 65'536 && read_some(length);
  }

  void write_all(byte_view bytes) {
    sent_bytes_ += bytes.size();
    while (!bytes.empty()) {
      ssize_t done = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (done <= 0) return;
      bytes = bytes.subspan(static_cast<std::size_t>(done));
    }
  }

  void answer() {
    auto request = load_le<std::int32_t>(in_.data() + 4);
    if (static_cast<opcode>(load_le<std::int32_t>(in_.data() + 12)) != opcode::msg)
      return legacy_hello(request);
    auto message = good_or_die(decode_op_msg(in_));
    element_view command;
    bson_reader(message.body).next(command);
    if (command.name == "getMore") return get_more(request, message.body);
    std::vector<std::uint8_t> out;
    std::size_t mark = open_op_msg(out, 1, 0, request);
    open_body(out);
    bson_writer to(out);
    fields(to, command.name);
    if (!to.finish() || !close_op_msg(out, mark)) die("cannot make", "a reply");
    write_all(out);
  }

  void legacy_hello(std::int32_t request) {
    std::vector<std::uint8_t> out;
    std::size_t mark = open_message(out, opcode::reply, 1, request);
    encoder head(out);
    head.le(std::uint32_t{8});
    head.le(std::int64_t{0});
    head.le(std::uint32_t{0});
    head.le(std::uint32_t{1});
    bson_writer to(out);
    fields(to, "hello");
    if (!to.finish() || !close_message(out, mark)) die("cannot make", "a reply");
    write_all(out);
  }

  void fields(bson_writer& to, std::string_view command) const {
    if (command == "hello" || command == "ismaster" || command == "isMaster") {
      to.put_bool("helloOk", true);
      to.put_bool("isWritablePrimary", true);
      to.put_bool("ismaster", true);
      to.put_string("setName", "rs0");
      to.put_int32("maxBsonObjectSize", 16 * 1024 * 1024);
      to.put_int32("maxMessageSizeBytes", 48'000'000);
      to.put_int32("minWireVersion", 0);
      to.put_int32("maxWireVersion", 21);
      to.put_int32("logicalSessionTimeoutMinutes", 30);
    } else if (command == "buildInfo") {
      to.open_array("versionArray");
      for (int part : {7, 0, 5, 0}) to.put_int32(item, part);
      to.close();
    } else if (command == "aggregate") {
      cursor(to, "firstBatch");
    }
    to.put_double("ok", 1);
    to.put_timestamp("operationTime", from_.last);
  }

  static void cursor(bson_writer& to, std::string_view batch) {
    to.open_document("cursor");
    to.open_array(batch);
    to.close();
    to.put_int64("id", 4'711);
    to.put_string("ns", "shop.$cmd.aggregate");
    to.close();
  }

  void get_more(std::int32_t request, bson_view command) {
    if (sent_ < from_.replies.size()) {
      byte_view next = from_.replies[sent_++];
      store_le(from_.bytes.data() + (next.data() - from_.bytes.view().data()) + 8, request);
      return write_all(next);
    }
    auto wait = good_or_die(find(command, "maxTimeMS")).as_integer().value_or(1000);
    pollfd gone{socket_, POLLIN, 0};
    if (poll(&gone, 1, static_cast<int>(wait)) > 0) return;
    std::vector<std::uint8_t> out;
    std::size_t mark = open_op_msg(out, 1, 0, request);
    open_body(out);
    bson_writer to(out);
    cursor(to, "nextBatch");
    to.put_double("ok", 1);
    if (!to.finish() || !close_op_msg(out, mark)) die("cannot make", "a reply");
    write_all(out);
  }

  template <class T>
  static T good_or_die(decoded<T> result) {
    if (!result) die("not understood", result.error().field);
    return *result;
  }

  const int socket_;
  corpus& from_;
  std::vector<std::uint8_t> in_;
  std::size_t sent_ = 0;
  std::size_t sent_bytes_ = 0;
};

int listen_anywhere() {
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof name;
  if (bind(listener, reinterpret_cast<sockaddr*>(&name), size) != 0 || listen(listener, 4) != 0 ||
      getsockname(listener, reinterpret_cast<sockaddr*>(&name), &size) != 0)
    die("cannot listen on", "the loopback");
  std::printf("%d\n", ntohs(name.sin_port));
  std::fflush(stdout);
  return listener;
}

}  // namespace
}  // namespace tidewire::bench

int main(int count, char** words) {
  using namespace tidewire::bench;
  if (count < 3) die("usage", "replay CLASS MB [EVENTS_PER_REPLY]");
  corpus_class kind = find_class(words[1]);
  auto bytes = static_cast<std::size_t>(std::max(1, std::atoi(words[2]))) * 1'000'000;
  corpus from = make_corpus(kind, bytes, count > 3 ? std::max(0, std::atoi(words[3])) : 0);
  int listener = listen_anywhere();
  for (;;) {
    int socket = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) continue;
    int on = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    client(socket, from).serve();
    close(socket);
  }
}
