// A certificate and its key, ready for the side of TLS that is connected to.
#pragma once

#include <boost/asio/ssl/context.hpp>

#include <memory>
#include <string>

namespace sluice::tcp_listener {

/// Of PEM files. Throws std::runtime_error that names the file, the key it stands for
/// (tls_certificate, tls_key), and what is wrong with it.
std::shared_ptr<boost::asio::ssl::context> load_tls(const std::string& certificate,
                                                    const std::string& key);

}  // namespace sluice::tcp_listener
