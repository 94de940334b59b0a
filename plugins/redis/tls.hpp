// One TLS connection as a filter of bytes: no socket, so a call that would block never half-sends.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

typedef struct ssl_st SSL;
typedef struct ssl_ctx_st SSL_CTX;
typedef struct bio_st BIO;

namespace sluice::redis {

struct tls_options {
  bool verify = true;
  std::string ca_file;              ///< PEM; empty: the system's
  std::string cert_file, key_file;  ///< PEM, of our own; empty: none
  std::string server_name;          ///< in the certificate; empty: the URL's host
};

class tls_context {
 public:
  /// Reads the files. Throws std::runtime_error naming the one that is wrong.
  explicit tls_context(const tls_options& options);
  SSL_CTX* get() const { return context_.get(); }
  const tls_options& options() const { return options_; }

 private:
  tls_options options_;
  std::shared_ptr<SSL_CTX> context_;
};

/// A client's side. Failures throw std::runtime_error with the reason; the session is then dead.
class tls_session {
 public:
  tls_session(const tls_context& context, const std::string& host);

  /// True when the handshake is done. Call again after each input; output() may have grown.
  bool handshake();
  /// Bytes from the peer.
  void input(std::span<const char> cipher);
  /// Decrypted bytes; 0: none now, or the peer ended (see ended).
  std::size_t read(std::span<char> plain);
  bool ended() const { return ended_; }
  /// Encrypts all of it.
  void write(std::span<const char> plain);
  /// What is to be sent to the peer; valid until the next call.
  std::span<const char> output() const;
  void sent(std::size_t bytes);

 private:
  [[noreturn]] void fail(const char* what) const;

  struct free_ssl {
    void operator()(SSL* ssl) const;
  };
  std::unique_ptr<SSL, free_ssl> ssl_;
  BIO* in_ = nullptr;   // ssl_'s
  BIO* out_ = nullptr;  // ssl_'s
  std::size_t sent_ = 0;
  bool ended_ = false;
};

}  // namespace sluice::redis
