// The REST API's server with TLS and client certificates, over loopback.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <memory>

#include "adapters/net/http_server.h"

namespace regent {
namespace {

// A self-signed certificate with its key in one file, gone with the test.
class Certificate {
 public:
  Certificate() {
    directory_ = ::testing::TempDir() + "regent-tls-XXXXXX";
    if (::mkdtemp(directory_.data()) == nullptr) std::abort();
    const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    const std::unique_ptr<X509, void (*)(X509*)> certificate(X509_new(), X509_free);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
    X509_set_pubkey(certificate.get(), key.get());
    auto* name = X509_get_subject_name(certificate.get());
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"), -1, -1,
                               0);
    X509_set_issuer_name(certificate.get(), name);
    X509_sign(certificate.get(), key.get(), EVP_sha256());
    auto* out = std::fopen(file().c_str(), "w");
    PEM_write_X509(out, certificate.get());
    PEM_write_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(out);
  }
  ~Certificate() { std::filesystem::remove_all(directory_); }
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;

  std::string file() const { return directory_ + "/server.pem"; }

 private:
  std::string directory_;
};

// One request over TLS; empty when the connection ended without an answer.
std::string ask(std::uint16_t port, const std::string& request, const std::string& certificate = {}) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience{20, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string out;
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
    const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
    if (!certificate.empty()) {
      SSL_CTX_use_certificate_file(context.get(), certificate.c_str(), SSL_FILETYPE_PEM);
      SSL_CTX_use_PrivateKey_file(context.get(), certificate.c_str(), SSL_FILETYPE_PEM);
    }
    const std::unique_ptr<SSL, void (*)(SSL*)> tls(SSL_new(context.get()), SSL_free);
    SSL_set_fd(tls.get(), fd);
    if (SSL_connect(tls.get()) == 1 && SSL_write(tls.get(), request.data(), static_cast<int>(request.size())) > 0) {
      char buffer[4096];
      for (int n = 1; n > 0;) {
        n = SSL_read(tls.get(), buffer, sizeof buffer);
        if (n > 0) out.append(buffer, static_cast<std::size_t>(n));
      }
    }
  }
  ::close(fd);
  return out;
}

void tell_certificate(HttpRequest request, HttpReply reply) {
  HttpResponse response;
  response.body = request.client_certificate ? "certificate" : "anonymous";
  reply(std::move(response));
}

std::string body_of(const std::string& response) {
  const auto end = response.find("\r\n\r\n");
  return end == std::string::npos ? response : response.substr(end + 4);
}

constexpr auto get = "GET / HTTP/1.1\r\n\r\n";

RestConfig config_with(const Certificate& certificate, const std::string& verify_client) {
  RestConfig config;
  config.listen_host = "127.0.0.1";
  config.listen_port = 0;
  config.certfile = certificate.file();
  config.cafile = certificate.file();
  config.verify_client = verify_client;
  return config;
}

TEST(HttpServerTls, AnswersAndSeesOptionalCertificates) {
  const Certificate certificate;
  RestServer server(config_with(certificate, "optional"));
  ASSERT_TRUE(server.start(tell_certificate));
  EXPECT_EQ(body_of(ask(server.port(), get)), "anonymous");
  EXPECT_EQ(body_of(ask(server.port(), get, certificate.file())), "certificate");
}

TEST(HttpServerTls, RequiredCertificates) {
  const Certificate certificate;
  const Certificate stranger;
  RestServer server(config_with(certificate, "required"));
  ASSERT_TRUE(server.start(tell_certificate));
  EXPECT_EQ(body_of(ask(server.port(), get)), "");
  EXPECT_EQ(body_of(ask(server.port(), get, stranger.file())), "");
  EXPECT_EQ(body_of(ask(server.port(), get, certificate.file())), "certificate");
}

// Waits for the end of a change.
Result<void> reconfigure(RestServer& server, const RestConfig& config) {
  std::promise<Result<void>> promise;
  server.reconfigure(config, [&](Result<void> done) { promise.set_value(std::move(done)); });
  return promise.get_future().get();
}

// Certificates are renewed while the server runs; with one that cannot be used everything stays as it was.
TEST(HttpServerTls, CertificatesAreReadAgain) {
  const Certificate old, renewed;
  RestServer server(config_with(old, "required"));
  ASSERT_TRUE(server.start(tell_certificate));
  auto broken = config_with(renewed, "required");
  broken.keyfile = "/nonexistent/key.pem";
  const auto refused = reconfigure(server, broken);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message.rfind("restapi.keyfile: /nonexistent/key.pem cannot be used: ", 0), 0U);
  EXPECT_EQ(body_of(ask(server.port(), get, old.file())), "certificate");
  ASSERT_TRUE(reconfigure(server, config_with(renewed, "required")));
  EXPECT_EQ(body_of(ask(server.port(), get, renewed.file())), "certificate");
  EXPECT_EQ(body_of(ask(server.port(), get, old.file())), "");
}

TEST(HttpServerTls, CiphersNobodyKnows) {
  const Certificate certificate;
  auto config = config_with(certificate, "none");
  config.ciphers = "NO-SUCH-CIPHER";
  const auto started = RestServer(config).start(tell_certificate);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().message, "restapi.ciphers: OpenSSL knows no cipher of NO-SUCH-CIPHER");
}

}  // namespace
}  // namespace regent
