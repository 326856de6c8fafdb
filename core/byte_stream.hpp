// A connected socket's bytes, in the clear or through TLS. Nothing blocks: a result says what to wait for.
#pragma once

#include <memory>

#include "core/socket.hpp"
#include "core/tls.hpp"

namespace tidewire {

class byte_stream {
 public:
  explicit byte_stream(unique_fd fd) : fd_(std::move(fd)) {}

  int fd() const { return fd_.get(); }

  /// As many bytes as there are, up to the size of `into`.
  io_result try_read(std::span<std::uint8_t> into) {
    return tls_ ? tls_->read(into) : socket_read(fd_.get(), into);
  }
  /// Some bytes of `data`, from its beginning.
  io_result try_write(byte_view data) { return tls_ ? tls_->write(data) : socket_write(fd_.get(), data); }

  /// From now on everything is TLS, first of all the handshake. Throws failure (TW-TLS-…) if the options or
  /// the files they name are not right.
  void start_tls(const tls_options& options) { tls_ = std::make_unique<tls_session>(fd_.get(), options); }
  io_result try_handshake() { return tls_->handshake(); }
  const tls_session* tls() const { return tls_.get(); }

 private:
  unique_fd fd_;
  std::unique_ptr<tls_session> tls_;  // says goodbye before the socket closes
};

}  // namespace tidewire
