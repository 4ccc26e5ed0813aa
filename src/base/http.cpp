#include "base/http.h"

#include <fmt/format.h>

namespace regent {
namespace {

struct StatusText {
  int status;
  std::string_view phrase;
  std::string_view explanation;
};

constexpr StatusText texts[] = {
    {200, "OK", "Request fulfilled, document follows"},
    {202, "Accepted", "Request accepted, processing continues off-line"},
    {400, "Bad Request", "Bad request syntax or unsupported method"},
    {401, "Unauthorized", "No permission -- see authorization schemes"},
    {403, "Forbidden", "Request forbidden -- authorization will not help"},
    {404, "Not Found", "Nothing matches the given URI"},
    {408, "Request Timeout", "Request timed out; try again later"},
    {409, "Conflict", "Request conflict"},
    {411, "Length Required", "Client must specify Content-Length"},
    {412, "Precondition Failed", "Precondition in headers is false"},
    {413, "Request Entity Too Large", "Entity is too large"},
    {422, "Unprocessable Entity", "The request cannot be processed as it is"},
    {431, "Request Header Fields Too Large", "The header fields of the request are too large"},
    {500, "Internal Server Error", "Server got itself in trouble"},
    {501, "Not Implemented", "Server does not support this operation"},
    {502, "Bad Gateway", "Invalid responses from another server/proxy"},
    {503, "Service Unavailable", "The server cannot process the request due to a high load"},
};

const StatusText* find_text(int status) {
  for (const auto& text : texts) {
    if (text.status == status) return &text;
  }
  return nullptr;
}

std::string escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else
      out += c;
  }
  return out;
}

}  // namespace

std::string_view reason_phrase(int status) {
  const auto* text = find_text(status);
  return text == nullptr ? std::string_view("Unknown") : text->phrase;
}

HttpResponse error_page(int status, std::string reason) {
  HttpResponse response;
  response.status = status;
  response.reason = reason.empty() ? std::string(reason_phrase(status)) : std::move(reason);
  const auto* text = find_text(status);
  response.body = fmt::format(
      "<!DOCTYPE HTML>\n<html lang=\"en\">\n    <head>\n        <meta charset=\"utf-8\">\n        <title>Error "
      "response</title>\n    </head>\n    <body>\n        <h1>Error response</h1>\n        <p>Error code: {0}</p>\n    "
      "    "
      "<p>Message: {1}.</p>\n        <p>Error code explanation: {0} - {2}.</p>\n    </body>\n</html>\n",
      status, escape(response.reason), text == nullptr ? std::string_view("No explanation") : text->explanation);
  response.headers = {{"Connection", "close"},
                      {"Content-Type", "text/html;charset=utf-8"},
                      {"Content-Length", std::to_string(response.body.size())}};
  return response;
}

}  // namespace regent
