#include "rest/call.h"

namespace regent::rest {

std::variant<HttpResponse, Json> read_body(const HttpRequest& request, BodyKind kind) {
  if (kind == BodyKind::none || kind == BodyKind::own) return Json::object();
  const bool optional = kind == BodyKind::optional;
  if (!request.body) {
    if (optional) return Json::object();
    return error_page(411);
  }
  if (request.body->empty() && optional) return Json::object();
  auto body = parse_json(*request.body, "the request body");
  if (!body || !body->is_object() || (body->empty() && !optional)) return error_page(400);
  return std::move(*body);
}

}  // namespace regent::rest
