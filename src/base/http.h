// HTTP requests and responses as plain values: what crosses between the server (adapters/net) and whoever answers
// (rest). Threading: values and pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace regent {

struct HttpRequest {
  std::string method;
  std::string target;                        // path and query as they were sent
  std::optional<std::string> body;           // nullopt: no Content-Length was sent
  std::optional<std::string> authorization;  // value of the header
  std::string peer;                          // IP address of the client, without port
  bool client_certificate = false;           // a verified one was presented
};

struct HttpResponse {
  int status = 200;
  std::string reason;  // empty: the usual phrase of the status
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  bool status_line_only = false;  // HEAD and OPTIONS: no header at all (T4)
};

// "Service Unavailable" for 503.
std::string_view reason_phrase(int status);

// The HTML error page Patroni's users know; `reason` replaces the usual phrase.
HttpResponse error_page(int status, std::string reason = {});

}  // namespace regent
