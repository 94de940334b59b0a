// The control socket of a running pipeline: a Unix socket, for its own user only.
#pragma once

#include "control/protocol.hpp"

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace sluice::control {

/// The document asked for, or what was done; nothing if there is none of that name. On the
/// io_context's thread.
using answerer = std::function<std::optional<std::string>(const request&)>;

/// For the io_context's thread, before and while it runs. At most 16 connections, each at most 5 s.
class server {
 public:
  /// Claims the name before anything else is started: throws std::runtime_error "already running"
  /// if another process serves this socket. A dead one's file is replaced.
  server(boost::asio::io_context& io, std::filesystem::path socket);
  /// Removes the file.
  ~server();
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  /// Answers from now on.
  void serve(answerer answer);
  void stop();

 private:
  struct parts;
  std::shared_ptr<parts> parts_;
};

}  // namespace sluice::control
