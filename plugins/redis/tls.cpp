#include "tls.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>

#include <limits>
#include <stdexcept>

namespace sluice::redis {
namespace {

std::string openssl_reason() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "unknown reason" : reason;
}

[[noreturn]] void refuse(const std::string& what) {
  throw std::runtime_error{what + ": " + openssl_reason()};
}

bool numeric(const std::string& host) {
  in6_addr address;
  return inet_pton(AF_INET, host.c_str(), &address) == 1 ||
         inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

}  // namespace

tls_context::tls_context(const tls_options& options)
    : options_{options}, context_{SSL_CTX_new(TLS_client_method()), &SSL_CTX_free} {
  SSL_CTX* context = context_.get();
  if (context == nullptr) refuse("TLS cannot be set up");
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_mode(context, SSL_MODE_AUTO_RETRY);
  if (options.verify) {
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    if (options.ca_file.empty()) {
      if (SSL_CTX_set_default_verify_paths(context) != 1)
        refuse("the system's certificate authorities cannot be read");
    } else if (SSL_CTX_load_verify_locations(context, options.ca_file.c_str(), nullptr) != 1) {
      refuse("tls_ca_file " + options.ca_file);
    }
  }
  if (!options.cert_file.empty() &&
      SSL_CTX_use_certificate_chain_file(context, options.cert_file.c_str()) != 1)
    refuse("tls_cert_file " + options.cert_file);
  if (!options.key_file.empty() &&
      SSL_CTX_use_PrivateKey_file(context, options.key_file.c_str(), SSL_FILETYPE_PEM) != 1)
    refuse("tls_key_file " + options.key_file);
}

void tls_session::free_ssl::operator()(SSL* ssl) const { SSL_free(ssl); }

tls_session::tls_session(const tls_context& context, const std::string& host)
    : ssl_{SSL_new(context.get())} {
  in_ = BIO_new(BIO_s_mem());
  out_ = BIO_new(BIO_s_mem());
  if (ssl_ == nullptr || in_ == nullptr || out_ == nullptr) {
    BIO_free(in_);
    BIO_free(out_);
    refuse("TLS cannot be set up");
  }
  SSL_set_bio(ssl_.get(), in_, out_);
  SSL_set_connect_state(ssl_.get());
  const std::string& name =
      context.options().server_name.empty() ? host : context.options().server_name;
  if (numeric(name)) {
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_.get()), name.c_str()) != 1)
      refuse("the server's address");
  } else if (SSL_set_tlsext_host_name(ssl_.get(), name.c_str()) != 1 ||
             SSL_set1_host(ssl_.get(), name.c_str()) != 1) {
    refuse("the server's name");
  }
}

void tls_session::fail(const char* what) const {
  const long verdict = SSL_get_verify_result(ssl_.get());
  if (verdict != X509_V_OK) {
    ERR_clear_error();
    throw std::runtime_error{std::string{what} + ": the server's certificate: " +
                             X509_verify_cert_error_string(verdict)};
  }
  refuse(what);
}

bool tls_session::handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) return true;
  if (SSL_get_error(ssl_.get(), result) == SSL_ERROR_WANT_READ) return false;
  fail("TLS handshake");
}

void tls_session::input(std::span<const char> cipher) {
  if (BIO_write(in_, cipher.data(), static_cast<int>(cipher.size())) !=
      static_cast<int>(cipher.size()))
    fail("TLS input");
}

std::size_t tls_session::read(std::span<char> plain) {
  ERR_clear_error();
  std::size_t got = 0;
  const int result = SSL_read_ex(ssl_.get(), plain.data(), plain.size(), &got);
  if (result == 1) return got;
  const int error = SSL_get_error(ssl_.get(), result);
  if (error == SSL_ERROR_WANT_READ) return 0;
  if (error != SSL_ERROR_ZERO_RETURN) fail("TLS read");
  ended_ = true;
  return 0;
}

void tls_session::write(std::span<const char> plain) {
  ERR_clear_error();
  std::size_t taken = 0;
  if (SSL_write_ex(ssl_.get(), plain.data(), plain.size(), &taken) != 1 || taken != plain.size())
    fail("TLS write");
}

std::span<const char> tls_session::output() const {
  char* data = nullptr;
  const long size = BIO_get_mem_data(out_, &data);
  return {data + sent_, static_cast<std::size_t>(size) - sent_};
}

void tls_session::sent(std::size_t bytes) {
  sent_ += bytes;
  if (!output().empty()) return;
  BIO_reset(out_);
  sent_ = 0;
}

}  // namespace sluice::redis
