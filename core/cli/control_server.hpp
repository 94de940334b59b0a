// The control socket of a running pipeline: a Unix socket, for its own user only.
#pragma once

#include "cli/control.hpp"

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace sluice::cli {

/// The document asked for, or what was done; nothing if there is none of that name. On the
/// io_context's thread.
using answerer = std::function<std::optional<std::string>(const request&)>;

/// For the io_context's thread, before and while it runs. At most 16 connections, each at most 5 s.
class control_server {
 public:
  /// Claims the name before anything else is started: throws std::runtime_error "already running"
  /// if another process serves this socket. A dead one's file is replaced.
  control_server(boost::asio::io_context& io, std::filesystem::path socket);
  /// Removes the file.
  ~control_server();
  control_server(const control_server&) = delete;
  control_server& operator=(const control_server&) = delete;

  /// Answers from now on.
  void serve(answerer answer);
  void stop();

 private:
  struct parts;
  std::shared_ptr<parts> parts_;
};

}  // namespace sluice::cli
