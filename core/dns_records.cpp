#include "core/dns_records.hpp"

#include <memory>

#include "core/dns_channel.hpp"

namespace tidewire {
namespace {

constexpr int class_internet = 1, type_txt = 16, type_srv = 33;

struct answer {
  bool done = false;
  int status = ARES_SUCCESS;
  std::vector<std::uint8_t> message;
};

void take(void* data, int status, int, unsigned char* message, int size) {
  auto& to = *static_cast<answer*>(data);
  to.done = true;
  to.status = status;
  if (message) to.message.assign(message, message + size);
}

template <class Record>
struct free_records {
  void operator()(Record* records) const { ares_free_data(records); }
};

/// The parsed records of an answer, none where the name has none.
template <class Record>
std::unique_ptr<Record, free_records<Record>> ask(const std::string& name, int type,
                                                  int (*parse)(const unsigned char*, int, Record**),
                                                  std::chrono::steady_clock::time_point deadline,
                                                  const std::stop_token& stop, const dns_options& options) {
  // The channel's end calls back into the answer, which therefore must outlive it.
  answer got;
  dns_channel channel(name, options);
  ares_query(channel.get(), name.c_str(), class_internet, type, take, &got);
  channel.wait(got.done, deadline, stop);
  if (got.status == ARES_ENODATA || got.status == ARES_ENOTFOUND) return nullptr;
  Record* records = nullptr;
  if (got.status == ARES_SUCCESS)
    got.status = parse(got.message.data(), static_cast<int>(got.message.size()), &records);
  std::unique_ptr<Record, free_records<Record>> owner(records);
  if (got.status == ARES_ENODATA) return nullptr;
  if (got.status != ARES_SUCCESS)
    channel.fail(ares_strerror(got.status), "check the name and /etc/resolv.conf");
  return owner;
}

}  // namespace

std::vector<srv_record> resolve_srv(const std::string& name, std::chrono::steady_clock::time_point deadline,
                                    const std::stop_token& stop, const dns_options& options) {
  auto records = ask<ares_srv_reply>(name, type_srv, ares_parse_srv_reply, deadline, stop, options);
  std::vector<srv_record> found;
  for (ares_srv_reply* each = records.get(); each; each = each->next)
    found.push_back({each->host, each->port, each->priority, each->weight});
  return found;
}

std::vector<std::string> resolve_txt(const std::string& name, std::chrono::steady_clock::time_point deadline,
                                     const std::stop_token& stop, const dns_options& options) {
  auto records = ask<ares_txt_ext>(name, type_txt, ares_parse_txt_reply_ext, deadline, stop, options);
  std::vector<std::string> found;
  for (ares_txt_ext* each = records.get(); each; each = each->next) {
    if (each->record_start || found.empty()) found.emplace_back();
    found.back().append(reinterpret_cast<const char*>(each->txt), each->length);
  }
  return found;
}

}  // namespace tidewire
