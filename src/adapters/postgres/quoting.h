// Spelling values for PostgreSQL's many readers: configuration files, connection strings, SQL, password files.
// Pure. Threading: any.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"

namespace regent {

// 'it''s': a value in postgresql.conf.
std::string quote_setting(std::string_view value);
// 'it''s' or E'back\\slash': an SQL literal, whatever standard_conforming_strings says.
std::string quote_literal(std::string_view value);
// "na""me": an SQL identifier.
std::string quote_identifier(std::string_view name);
// The lines of a password file for a host or a socket directory; fields in order host, port, database, user, password.
std::string passfile_line(std::string_view host, std::string_view port, std::string_view user,
                          std::string_view password);

// Keywords of a connection string in the order they are printed.
using ConnectionOptions = std::vector<std::pair<std::string, std::string>>;
// "user=replicator host=10.0.0.1": values quoted only where they need it.
std::string print_conninfo(const ConnectionOptions& options);
// nullptr when the keyword is absent.
const std::string* option_value(const ConnectionOptions& options, std::string_view keyword);

// A YAML scalar as a PostgreSQL value: true is on, 100 is 100. Null and structures are empty.
std::string setting_text(const Json& value);

}  // namespace regent
