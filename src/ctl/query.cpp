// dsn, query: where a member listens, and what it says.
#include <fmt/format.h>

#include "ctl/commands.h"
#include "ctl/members.h"
#include "ctl/prompt.h"
#include "ctl/table.h"

namespace regent::ctl {
namespace {

// The role to look for: a named member may have any.
Outcome<std::string> wanted_role(const Arguments& arguments) {
  const auto role = arguments.text("role");
  if (!arguments.has("member")) return role.value_or("leader");
  if (role) return refuse("--role and --member are mutually exclusive options");
  return std::string("any");
}

const Member* find_member(const ClusterView& view, const std::string& role, const std::optional<std::string>& name) {
  for (const auto* member : members_with_role(view, role)) {
    if (!name || member->name.str() == *name) return member;
  }
  return nullptr;
}

struct Answer {
  Table table;
  bool failed = false;
};

Answer one_line(Context& context, const std::string& text) {
  Answer answer;
  answer.table.rows = {{Json(timestamp(context, 0)), Json(text)}};
  answer.failed = true;
  return answer;
}

std::string one_line_text(std::string text) {
  for (auto& c : text) {
    if (c == '\n') c = ' ';
  }
  return text;
}

bool is_standby_role(const std::string& role) {
  return role == "replica" || role == "standby" || role == "standby-leader";
}

// Connects to the member; nullptr when there is none that fits. The store may be behind: what PostgreSQL says decides.
Result<std::unique_ptr<Session>> connect(Context& context, const ClusterView& view, const std::string& role,
                                         const std::optional<std::string>& name, QueryTarget target) {
  const Member* member = find_member(view, role, name);
  const auto address = member != nullptr ? parse_conn_url(member->conn_url) : std::nullopt;
  if (!address) return std::unique_ptr<Session>();
  target.host = address->host;
  target.port = address->port;
  auto session = context.databases.connect(target);
  if (!session || role == "any" || role == "leader") return session;
  const auto recovery = (*session)->run("SELECT pg_catalog.pg_is_in_recovery()");
  if (!recovery) return tl::unexpected(recovery.error());
  const bool standby = !recovery->rows.empty() && recovery->rows[0][0] == Json(true);
  if (standby != is_standby_role(role)) return std::unique_ptr<Session>();
  return session;
}

class Querier {
 public:
  Querier(Context& context, const CommandLine& line, const Arguments& arguments, std::string role, std::string sql,
          QueryTarget target)
      : context_(context),
        line_(line),
        arguments_(arguments),
        role_(std::move(role)),
        sql_(std::move(sql)),
        target_(std::move(target)) {}

  Status run_once() {
    const auto answer = ask();
    if (!answer) return tl::unexpected(answer.error());
    const std::string format = answer->failed ? "tsv" : arguments_.text("format").value_or("tsv");
    if (answer->failed) ++context_.failures;
    context_.terminal.out(render(answer->table, format, arguments_.text("delimiter").value_or("\t")));
    return {};
  }

 private:
  Outcome<Answer> ask() {
    if (!session_) {
      const auto cluster = open_named(context_, line_, arguments_);
      if (!cluster) return tl::unexpected(cluster.error());
      const auto name = arguments_.text("member");
      auto session = connect(context_, cluster->view, role_, name, target_);
      if (!session) return refused(session.error());
      if (!*session) {
        return one_line(context_, name ? fmt::format("No connection to member {} is available", *name)
                                       : fmt::format("No connection to role={} is available", role_));
      }
      session_ = std::move(*session);
    }
    auto rows = session_->run(sql_);
    if (!rows) return refused(rows.error());
    Answer answer;
    answer.table.columns = std::move(rows->columns);
    answer.table.rows = std::move(rows->rows);
    return answer;
  }

  // The next round of `-w` connects anew.
  Answer refused(const Error& error) {
    session_.reset();
    return one_line(context_, "ERROR, SQLSTATE: " + one_line_text(error.message));
  }

  Context& context_;
  const CommandLine& line_;
  const Arguments& arguments_;
  std::string role_;
  std::string sql_;
  QueryTarget target_;
  std::unique_ptr<Session> session_;
};

}  // namespace

Status run_dsn(Context& context, const CommandLine& line, const Arguments& arguments) {
  const auto role = wanted_role(arguments);
  if (!role) return tl::unexpected(role.error());
  const auto cluster = open_named(context, line, arguments);
  if (!cluster) return tl::unexpected(cluster.error());
  const Member* member = find_member(cluster->view, *role, arguments.text("member"));
  const auto address = member != nullptr ? parse_conn_url(member->conn_url) : std::nullopt;
  if (!address) return refuse("Can not find a suitable member");
  context.line(fmt::format("host={} port={}", address->host, address->port));
  return {};
}

Status run_query(Context& context, const CommandLine& line, const Arguments& arguments) {
  const auto file = arguments.text("file");
  auto sql = arguments.text("command");
  std::optional<std::string> content;
  if (file) {
    const auto read =
        *file == "-" ? Result<std::string>(context.terminal.read_all()) : context.terminal.read_file(*file);
    if (!read) return usage_error(line, fmt::format("Invalid value for '--file' / '-f': {}", read.error().message));
    content = *read;
  }
  const auto role = wanted_role(arguments);
  if (!role) return tl::unexpected(role.error());
  if (file && sql) return refuse("--file and --command are mutually exclusive options");
  if (!file && !sql) return refuse("You need to specify either --command or --file");
  QueryTarget target;
  target.username = arguments.text("username");
  target.dbname = arguments.text("dbname");
  if (arguments.has("password")) {
    const auto password = prompt(context, "Password", std::nullopt, true);
    if (!password) return tl::unexpected(password.error());
    target.password = *password;
  }
  Querier querier(context, line, arguments, *role, content ? *content : *sql, std::move(target));
  return watching(context, arguments, false, [&] { return querier.run_once(); });
}

}  // namespace regent::ctl
