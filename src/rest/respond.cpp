#include "rest/respond.h"

#include <utility>

namespace regent::rest {

HttpResponse json_response(int status, const Json& body) {
  return json_text_response(status, to_spaced(body));
}

HttpResponse json_text_response(int status, std::string text) {
  HttpResponse response;
  response.status = status;
  response.headers = {{"Content-Type", "application/json"}};
  response.body = std::move(text);
  return response;
}

HttpResponse text_response(int status, std::string text) {
  HttpResponse response;
  response.status = status;
  response.headers = {{"Content-Type", "text/html"}};
  response.body = std::move(text);
  return response;
}

HttpResponse code_only(int status) {
  HttpResponse response;
  response.status = status;
  response.status_line_only = true;
  return response;
}

}  // namespace regent::rest
