// Base64 (RFC 4648, with padding): keys and values in etcd's JSON, basic authentication.
// Threading: pure functions. Errors: nullopt for text that is no base64.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace regent {

std::string to_base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text);

}  // namespace regent
