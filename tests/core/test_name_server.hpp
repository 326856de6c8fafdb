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
  int code = 0;                                  // RFC 1035 RCODE: 2 server failure, 3 no such name
  bool silent = false;                           // no answer at all
  std::vector<std::vector<std::uint8_t>> srv{};  // the records' data
  std::vector<std::vector<std::uint8_t>> txt{};
};

/// An SRV record's data: priority 0, weight 5.
inline std::vector<std::uint8_t> srv_data(std::uint16_t port, std::string_view host) {
  std::vector<std::uint8_t> data;
  encoder to{data};
  to.be<std::uint16_t>(0);
  to.be<std::uint16_t>(5);
  to.be(port);
  while (!host.empty()) {
    std::string_view label = host.substr(0, host.find('.'));
    to.u8(static_cast<std::uint8_t>(label.size()));
    to.text(label);
    host.remove_prefix(std::min(host.size(), label.size() + 1));
  }
  to.u8(0);
  return data;
}

/// A TXT record's data, from its strings.
inline std::vector<std::uint8_t> txt_data(const std::vector<std::string>& strings) {
  std::vector<std::uint8_t> data;
  encoder to{data};
  for (const std::string& each : strings) {
    to.u8(static_cast<std::uint8_t>(each.size()));
    to.text(each);
  }
  return data;
}

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
    std::vector<std::vector<std::uint8_t>> records = type == 33 ? answer.srv : answer.txt;
    if (type == 1 || type == 28) records = addresses_of(answer, type);
    std::vector<std::uint8_t> reply;
    encoder to{reply};
    to.bytes({question, 2});
    to.be<std::uint16_t>(static_cast<std::uint16_t>(0x8180 | answer.code));
    to.be<std::uint16_t>(1);
    to.be<std::uint16_t>(static_cast<std::uint16_t>(records.size()));
    to.be<std::uint32_t>(0);
    to.bytes({question + 12, at + 5 - 12});
    for (const auto& data : records) {
      to.be<std::uint16_t>(0xc00c);
      to.be<std::uint16_t>(type);
      to.be<std::uint16_t>(1);
      to.be<std::uint32_t>(60);
      to.be<std::uint16_t>(static_cast<std::uint16_t>(data.size()));
      to.bytes(data);
    }
    ::sendto(socket_.get(), reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
  }

  static std::vector<std::vector<std::uint8_t>> addresses_of(const name_answer& answer, std::uint16_t type) {
    std::vector<std::vector<std::uint8_t>> records;
    for (const std::string& address : type == 28 ? answer.aaaa : answer.a) {
      records.emplace_back(type == 28 ? 16 : 4);
      ::inet_pton(type == 28 ? AF_INET6 : AF_INET, address.c_str(), records.back().data());
    }
    return records;
  }

  unique_fd socket_;
  std::map<std::string, name_answer> table_;
  std::atomic<int> questions_ = 0;
  std::jthread thread_;
};

}  // namespace tidewire::testing
