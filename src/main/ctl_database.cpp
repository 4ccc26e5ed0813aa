#include "main/ctl_database.h"

#include <libpq-fe.h>

#include <charconv>
#include <cstring>

namespace regent {
namespace {

struct CloseConnection {
  void operator()(PGconn* connection) const { ::PQfinish(connection); }
};
struct ClearResult {
  void operator()(PGresult* result) const { ::PQclear(result); }
};
using Connection = std::unique_ptr<PGconn, CloseConnection>;
using Rows = std::unique_ptr<PGresult, ClearResult>;

// The types whose values JSON has words for; others stay text.
constexpr Oid bool_type = 16;
constexpr Oid int8_type = 20;
constexpr Oid int2_type = 21;
constexpr Oid int4_type = 23;
constexpr Oid oid_type = 26;
constexpr Oid float4_type = 700;
constexpr Oid float8_type = 701;

template <class T>
Json number_or_text(const char* text) {
  T value{};
  const char* end = text + std::strlen(text);
  const auto [stop, error] = std::from_chars(text, end, value);
  return error == std::errc() && stop == end ? Json(value) : Json(text);
}

Json cell(const PGresult* result, int row, int column) {
  if (::PQgetisnull(result, row, column) == 1) return nullptr;
  const char* text = ::PQgetvalue(result, row, column);
  switch (::PQftype(result, column)) {
    case bool_type:
      return text[0] == 't';
    case int2_type:
    case int4_type:
    case int8_type:
    case oid_type:
      return number_or_text<std::int64_t>(text);
    case float4_type:
    case float8_type:
      return number_or_text<double>(text);
    default:
      return text;
  }
}

class LibpqSession : public ctl::Session {
 public:
  explicit LibpqSession(Connection connection) : connection_(std::move(connection)) {}

  Result<ctl::QueryRows> run(const std::string& sql) override {
    const Rows result(::PQexec(connection_.get(), sql.c_str()));
    const auto status = ::PQresultStatus(result.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY) {
      const char* state = ::PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
      return fail(ErrorKind::failed, state != nullptr ? state : ::PQerrorMessage(connection_.get()));
    }
    ctl::QueryRows rows;
    const int columns = ::PQnfields(result.get());
    for (int column = 0; column < columns; ++column) rows.columns.emplace_back(::PQfname(result.get(), column));
    for (int row = 0; row < ::PQntuples(result.get()); ++row) {
      rows.rows.emplace_back();
      for (int column = 0; column < columns; ++column) rows.rows.back().push_back(cell(result.get(), row, column));
    }
    return rows;
  }

 private:
  Connection connection_;
};

}  // namespace

Result<std::unique_ptr<ctl::Session>> LibpqDatabases::connect(const ctl::QueryTarget& target) {
  std::vector<const char*> names{"host", "port", "connect_timeout", "fallback_application_name", "client_encoding"};
  std::vector<const char*> values{target.host.c_str(), target.port.c_str(), "5", "regentctl", "UTF8"};
  const auto add = [&](const char* name, const std::optional<std::string>& value) {
    if (!value) return;
    names.push_back(name);
    values.push_back(value->c_str());
  };
  add("user", target.username);
  add("password", target.password);
  add("dbname", target.dbname);
  names.push_back(nullptr);
  values.push_back(nullptr);
  Connection connection(::PQconnectdbParams(names.data(), values.data(), 0));
  if (!connection) return fail(ErrorKind::failed, "libpq has no memory for a connection");
  if (::PQstatus(connection.get()) != CONNECTION_OK) {
    return fail(ErrorKind::unreachable, ::PQerrorMessage(connection.get()));
  }
  return std::make_unique<LibpqSession>(std::move(connection));
}

}  // namespace regent
