#include "tcp_listener/tls_server.hpp"

#include <openssl/err.h>

#include <stdexcept>

namespace sluice::tcp_listener {

namespace ssl = boost::asio::ssl;

std::shared_ptr<ssl::context> load_tls(const std::string& certificate, const std::string& key) {
  auto made = std::make_shared<ssl::context>(ssl::context::tls_server);
  boost::system::error_code error;
  made->use_certificate_chain_file(certificate, error);
  if (error)
    throw std::runtime_error{"tls_certificate: cannot use " + certificate + ": " + error.message()};
  made->use_private_key_file(key, ssl::context::pem, error);
  if (error) throw std::runtime_error{"tls_key: cannot use " + key + ": " + error.message()};
  if (SSL_CTX_check_private_key(made->native_handle()) != 1) {
    ERR_clear_error();
    throw std::runtime_error{"tls_key: " + key + " is not the key of " + certificate};
  }
  return made;
}

}  // namespace sluice::tcp_listener
