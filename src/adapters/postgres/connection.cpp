#include "adapters/postgres/connection.h"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>

#include "adapters/os/waiting.h"

namespace regent {
namespace {

namespace asio = boost::asio;

constexpr std::string_view not_now = "57P03";

std::string one_line(const char* message) {
  std::string text = message == nullptr ? "" : message;
  // VERBOSE adds the place in the server's source; nobody needs it here.
  if (const auto location = text.find("\nLOCATION:"); location != std::string::npos) text.resize(location);
  while (text.ends_with('\n')) text.pop_back();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

Error connection_error(PGconn* connection) {
  const auto text = one_line(PQerrorMessage(connection));
  const bool answered = text.find("FATAL:") != std::string::npos;
  return Error{answered ? ErrorKind::refused : ErrorKind::unreachable, text};
}

std::vector<std::string> hosts_of(const std::string& list) {
  std::vector<std::string> hosts;
  for (std::size_t from = 0;;) {
    const auto comma = list.find(',', from);
    hosts.push_back(list.substr(from, comma - from));
    if (comma == std::string::npos) return hosts;
    from = comma + 1;
  }
}

bool needs_resolving(const std::string& host) {
  if (host.empty() || host.starts_with('/') || host.starts_with('@')) return false;
  boost::system::error_code error;
  asio::ip::make_address(host, error);
  return static_cast<bool>(error);
}

void append(std::string& list, const std::string& item, bool first) {
  if (!first) list += ',';
  list += item;
}

// Replaces a name by all its addresses (T34): libpq itself would block on the resolver. Of a list of hosts those count
// that have an address.
Task<Result<ConnectionOptions>> resolved(ConnectionOptions options) {
  const auto* host = option_value(options, "host");
  if (host == nullptr) co_return options;
  const auto hosts = hosts_of(*host);
  if (std::none_of(hosts.begin(), hosts.end(), needs_resolving)) co_return options;
  asio::ip::tcp::resolver resolver(co_await asio::this_coro::executor);
  std::string names, addresses, why;
  bool first = true;
  for (const auto& name : hosts) {
    if (!needs_resolving(name)) {
      append(names, name, first);
      append(addresses, name.starts_with('/') || name.starts_with('@') ? "" : name, first);
      first = false;
      continue;
    }
    boost::system::error_code error;
    const auto found = co_await resolver.async_resolve(name, "", asio::redirect_error(asio::use_awaitable, error));
    if (error) why += fmt::format("{}cannot resolve host {}: {}", why.empty() ? "" : "; ", name, error.message());
    for (const auto& entry : found) {
      append(names, name, first);
      append(addresses, entry.endpoint().address().to_string(), first);
      first = false;
    }
  }
  if (first) co_return fail(ErrorKind::unreachable, why);
  for (auto& [keyword, value] : options) {
    if (keyword == "host") value = names;
  }
  options.emplace_back("hostaddr", addresses);
  co_return options;
}

Rows rows_of(const PGresult* result) {
  Rows rows(static_cast<std::size_t>(PQntuples(result)));
  for (int i = 0; i < PQntuples(result); ++i) {
    auto& row = rows[static_cast<std::size_t>(i)];
    for (int column = 0; column < PQnfields(result); ++column) {
      if (PQgetisnull(result, i, column) != 0) {
        row.emplace_back();
      } else {
        row.emplace_back(
            std::string(PQgetvalue(result, i, column), static_cast<std::size_t>(PQgetlength(result, i, column))));
      }
    }
  }
  return rows;
}

}  // namespace

bool cannot_connect_now(const Error& error) {
  return error.message.find(not_now) != std::string::npos;
}

void Connection::Closer::operator()(pg_conn* connection) const {
  PQfinish(connection);
}

int Connection::server_version() const {
  return connection_ ? PQserverVersion(connection_.get()) : 0;
}

Task<Result<Connection>> Connection::connect(ConnectionOptions options) {
  auto lookup = resolved(std::move(options));
  const auto complete = co_await std::move(lookup);
  if (!complete) co_return tl::unexpected(complete.error());
  std::vector<const char*> keywords, values;
  for (const auto& [keyword, value] : *complete) {
    keywords.push_back(keyword.c_str());
    values.push_back(value.c_str());
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  Connection connection;
  connection.connection_.reset(PQconnectStartParams(keywords.data(), values.data(), 0));
  auto* raw = connection.connection_.get();
  if (raw == nullptr) co_return fail(ErrorKind::failed, "out of memory for a connection");
  // Error texts carry the SQLSTATE this way: the words are in the server's language.
  PQsetErrorVerbosity(raw, PQERRORS_VERBOSE);
  auto state = PQstatus(raw) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
  while (state != PGRES_POLLING_OK) {
    if (state == PGRES_POLLING_FAILED) co_return tl::unexpected(connection_error(raw));
    co_await wait_for(PQsocket(raw), state == PGRES_POLLING_READING ? Ready::to_read : Ready::to_write);
    state = PQconnectPoll(raw);
  }
  PQsetnonblocking(raw, 1);
  PQsetNoticeProcessor(
      raw, [](void*, const char*) {}, nullptr);
  PQsetErrorVerbosity(raw, PQERRORS_DEFAULT);
  connection.socket_ = WatchedFd(co_await asio::this_coro::executor, PQsocket(raw));
  co_return connection;
}

Task<Result<Connection>> Connection::open(ConnectionOptions options, Clock& clock, Instant deadline) {
  const auto* host = option_value(options, "host");
  std::string what = fmt::format("connecting to PostgreSQL at {}", host == nullptr ? "" : *host);
  auto work = connect(std::move(options));
  co_return co_await guarded<Connection>(std::move(work), clock, deadline, std::move(what));
}

Task<Result<Rows>> Connection::run(std::string sql) {
  auto* raw = connection_.get();
  if (PQsendQuery(raw, sql.c_str()) == 0) co_return tl::unexpected(connection_error(raw));
  for (int left = PQflush(raw); left != 0; left = PQflush(raw)) {
    if (left < 0) co_return tl::unexpected(connection_error(raw));
    co_await socket_.wait(Ready::to_write);
  }
  Rows rows;
  std::optional<Error> error;
  for (;;) {
    while (PQisBusy(raw) != 0) {
      co_await socket_.wait(Ready::to_read);
      if (PQconsumeInput(raw) == 0) co_return tl::unexpected(connection_error(raw));
    }
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQgetResult(raw), &PQclear);
    if (!result) break;
    const auto status = PQresultStatus(result.get());
    if (status == PGRES_TUPLES_OK) {
      rows = rows_of(result.get());
    } else if (status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY && !error) {
      error = Error{ErrorKind::refused, one_line(PQresultErrorMessage(result.get()))};
    }
  }
  if (error) {
    if (PQstatus(raw) == CONNECTION_BAD) error->kind = ErrorKind::unreachable;
    co_return tl::unexpected(std::move(*error));
  }
  co_return rows;
}

Task<Result<Rows>> Connection::query(std::string sql, Clock& clock, Instant deadline) {
  if (!is_open()) co_return fail(ErrorKind::unreachable, "not connected to PostgreSQL");
  auto work = run(std::move(sql));
  auto rows = co_await guarded<Rows>(std::move(work), clock, deadline, "the query");
  const bool dead = connection_ && PQstatus(connection_.get()) == CONNECTION_BAD;
  if (!rows && (dead || rows.error().kind == ErrorKind::timeout || rows.error().kind == ErrorKind::cancelled)) close();
  co_return rows;
}

Result<std::string> Connection::encrypt_password(const std::string& password, const std::string& user,
                                                 const std::string& algorithm) const {
  const std::unique_ptr<char, decltype(&PQfreemem)> text(
      PQencryptPasswordConn(connection_.get(), password.c_str(), user.c_str(), algorithm.c_str()), &PQfreemem);
  if (!text) return fail(ErrorKind::failed, one_line(PQerrorMessage(connection_.get())));
  return std::string(text.get());
}

}  // namespace regent
