#include "adapters/postgres/quoting.h"

#include <fmt/format.h>

namespace regent {
namespace {

std::string doubled(std::string_view text, std::string_view special) {
  std::string out;
  for (const char c : text) {
    if (special.find(c) != std::string_view::npos) out += c;
    out += c;
  }
  return out;
}

std::string escaped(std::string_view text, std::string_view special) {
  std::string out;
  for (const char c : text) {
    if (special.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

std::string quote_setting(std::string_view value) {
  std::string text = "'" + doubled(value, "'\\") + "'";
  // A line break ends the value, and all that the server reads of the file.
  for (auto at = text.find('\n'); at != std::string::npos; at = text.find('\n', at)) text.replace(at, 1, "\\n");
  return text;
}

std::string quote_literal(std::string_view value) {
  const bool backslash = value.find('\\') != std::string_view::npos;
  return (backslash ? " E'" : "'") + doubled(value, "'\\") + "'";
}

std::string quote_identifier(std::string_view name) {
  return "\"" + doubled(name, "\"") + "\"";
}

std::string passfile_line(std::string_view host, std::string_view port, std::string_view user,
                          std::string_view password) {
  const auto line = [&](std::string_view at) {
    return fmt::format("{}:{}:*:{}:{}\n", escaped(at, ":\\"), escaped(port, ":\\"), escaped(user, ":\\"),
                       escaped(password, ":\\"));
  };
  // libpq looks a socket directory up as it is, but for the one that it was built with: that is "localhost".
  if (host.empty()) return line("localhost");
  return host.starts_with('/') ? line(host) + line("localhost") : line(host);
}

std::string print_conninfo(const ConnectionOptions& options) {
  std::string out;
  for (const auto& [keyword, value] : options) {
    if (!out.empty()) out += ' ';
    const bool plain = !value.empty() && value.find_first_of(" \t\n'\\") == std::string::npos;
    out += keyword + "=" + (plain ? value : "'" + escaped(value, "'\\") + "'");
  }
  return out;
}

const std::string* option_value(const ConnectionOptions& options, std::string_view keyword) {
  for (const auto& [name, value] : options) {
    if (name == keyword) return &value;
  }
  return nullptr;
}

std::string setting_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "on" : "off";
  if (value.is_number()) return value.dump();
  return {};
}

}  // namespace regent
