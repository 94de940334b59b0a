// A certificate of its own for each test run, and a client's context that trusts it.
#pragma once

#include <boost/asio/ssl/context.hpp>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>

namespace sluice::kite_server {

/// Writes a key and a certificate for it into a folder, and removes them at its end.
class test_certificate {
 public:
  explicit test_certificate(const std::filesystem::path& folder)
      : key_file{(folder / "key.pem").string()},
        certificate_file{(folder / "certificate.pem").string()},
        folder_{folder} {
    std::filesystem::create_directories(folder);
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key{EVP_RSA_gen(2'048),
                                                                  &EVP_PKEY_free};
    const std::unique_ptr<X509, decltype(&X509_free)> certificate{X509_new(), &X509_free};
    if (key == nullptr || certificate == nullptr) throw std::runtime_error{"no key made"};
    X509* made = certificate.get();
    ASN1_INTEGER_set(X509_get_serialNumber(made), 1);
    X509_gmtime_adj(X509_getm_notBefore(made), -3'600);
    X509_gmtime_adj(X509_getm_notAfter(made), 86'400);
    X509_set_pubkey(made, key.get());
    X509_NAME* name = X509_get_subject_name(made);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("127.0.0.1"), -1, -1, 0);
    X509_set_issuer_name(made, name);
    X509_sign(made, key.get(), EVP_sha256());
    write(key_file, [&](std::FILE* out) {
      return PEM_write_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
    write(certificate_file, [&](std::FILE* out) { return PEM_write_X509(out, made); });
  }
  test_certificate(const test_certificate&) = delete;
  ~test_certificate() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  boost::asio::ssl::context trusting() const {
    boost::asio::ssl::context made{boost::asio::ssl::context::tls_client};
    made.load_verify_file(certificate_file);
    made.set_verify_mode(boost::asio::ssl::verify_peer);
    return made;
  }

  const std::string key_file, certificate_file;

 private:
  template <typename Write>
  static void write(const std::string& file, Write&& fill) {
    std::FILE* out = std::fopen(file.c_str(), "w");
    if (out == nullptr || fill(out) != 1) throw std::runtime_error{"cannot write " + file};
    std::fclose(out);
  }
  std::filesystem::path folder_;
};

}  // namespace sluice::kite_server
