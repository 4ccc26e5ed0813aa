// The three kinds of answers of the REST API.
// Threading: pure functions.
#pragma once

#include "base/http.h"
#include "base/json.h"

namespace regent::rest {

HttpResponse json_response(int status, const Json& body);
// The same of a document that is text already.
HttpResponse json_text_response(int status, std::string text);
// A sentence; Patroni labels it HTML, and so do we.
HttpResponse text_response(int status, std::string text);
// HEAD and OPTIONS: nothing but the code.
HttpResponse code_only(int status);

}  // namespace regent::rest
