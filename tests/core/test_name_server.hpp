// A name server for tests: UDP on the loopback, answers from a table.
#pragma once

#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "core/encoder.hpp"
#include "tests/core/test_peer.hpp"

namespace tidewire::testing {

struct name_answer {
  std::vector<std::string> a;
  std::vector<std::string> aaaa;
  int code = 0;         // RFC 1035 RCODE: 2 server failure, 3 no such name
  bool silent = false;  // no answer at all
};

class test_name_server {
 public:
  explicit test_name_server(std::map<std::string, name_answer> table)
      : socket_(bound_to_loopback(SOCK_DGRAM)),
        table_(std::move(table)),
        thread_([this](const std::stop_token& stop) {
          while (!stop.stop_requested()) {
            pollfd at{socket_.get(), POLLIN, 0};
            if (::poll(&at, 1, 20) == 1) answer_one();
          }
        }) {}

  std::string text() const { return "127.0.0.1:" + std::to_string(port_of(socket_.get())); }
  int questions() const { return questions_; }

 private:
  void answer_one() {
    std::uint8_t question[512];
    sockaddr_in from{};
    socklen_t size = sizeof from;
    ssize_t count =
        ::recvfrom(socket_.get(), question, sizeof question, 0, reinterpret_cast<sockaddr*>(&from), &size);
    if (count < 17) return;
    ++questions_;
    std::string name;
    std::size_t at = 12;
    for (; question[at] != 0; at += 1u + question[at]) {
      if (!name.empty()) name += '.';
      name.append(reinterpret_cast<const char*>(question + at + 1), question[at]);
    }
    auto type = load_be<std::uint16_t>(question + at + 1);
    auto found = table_.find(name);
    name_answer answer = found == table_.end() ? name_answer{{}, {}, 3, false} : found->second;
    if (answer.silent) return;
    const auto& addresses = type == 28 ? answer.aaaa : answer.a;
    std::vector<std::uint8_t> reply;
    encoder to{reply};
    to.bytes({question, 2});
    to.be<std::uint16_t>(static_cast<std::uint16_t>(0x8180 | answer.code));
    to.be<std::uint16_t>(1);
    to.be<std::uint16_t>(static_cast<std::uint16_t>(addresses.size()));
    to.be<std::uint32_t>(0);
    to.bytes({question + 12, at + 5 - 12});
    for (const std::string& address : addresses) {
      std::uint8_t raw[16];
      std::size_t raw_size = type == 28 ? 16 : 4;
      ::inet_pton(type == 28 ? AF_INET6 : AF_INET, address.c_str(), raw);
      to.be<std::uint16_t>(0xc00c);
      to.be<std::uint16_t>(type);
      to.be<std::uint16_t>(1);
      to.be<std::uint32_t>(60);
      to.be<std::uint16_t>(static_cast<std::uint16_t>(raw_size));
      to.bytes({raw, raw_size});
    }
    ::sendto(socket_.get(), reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
  }

  unique_fd socket_;
  std::map<std::string, name_answer> table_;
  std::atomic<int> questions_ = 0;
  std::jthread thread_;
};

}  // namespace tidewire::testing
