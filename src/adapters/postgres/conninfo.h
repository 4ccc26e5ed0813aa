// Whom to connect to, and as whom. Pure. Threading: any.
#pragma once

#include <string>

#include "adapters/os/process.h"
#include "adapters/postgres/data_directory.h"
#include "adapters/postgres/quoting.h"
#include "core/job.h"
#include "model/local_config.h"

namespace regent {

// The connection notices within about two seconds that nobody is there any more: the kernel asks, nobody wakes up for
// it (F47). Values of the users' own are left as they are.
enum class Liveness { as_configured, noticed_soon };

// The value of primary_conninfo, keywords in Patroni's order. The password is in `passfile`, never in the text.
std::string primary_conninfo(const Upstream& upstream, const Credentials& credentials, const std::string& passfile,
                             const std::string& member, Generation generation, int major_version,
                             Liveness liveness = Liveness::as_configured);

// Host and port that a primary_conninfo in effect names; an empty host when it names none.
HostPort upstream_of(const std::string& conninfo);

// Where the local server listens.
struct Doors {
  std::string addresses;  // listen_addresses
  std::string port;
  std::string socket_directories;  // unix_socket_directories
};

// Connection to the local server as superuser, for the monitor and for administration.
ConnectionOptions local_connection(const PostgresConfig& config, const Doors& doors,
                                   const std::string& application_name);

// Host and port as libpq wants them; of a list of hosts the one that can be written to.
ConnectionOptions address_options(const HostPort& address);

// Replication connection to a member or, with its address, to ourselves.
ConnectionOptions replication_connection(const HostPort& address, const Credentials& credentials);
// Plain connection to a member, for pg_rewind and its checks.
ConnectionOptions rewind_connection(const HostPort& address, const PostgresConfig& config);
const Credentials& rewind_credentials(const PostgresConfig& config);

// The conninfo for a command line, which everybody may read: without what goes by add_secrets().
std::string public_conninfo(ConnectionOptions options);
// In the environment of this one child: the passfile belongs to the running server's primary_conninfo.
void add_secrets(Command& command, const Credentials& credentials);

// Where the local server can be reached from this machine; by a socket only where its directory has an absolute path.
// Where the server that wrote this pid file listens. The file names the first of each only: the others are as
// configured, unless that list begins with something else or waits for a restart.
Doors serving_doors(Doors configured, const PidFile& running, bool restart_pending);
HostPort local_address(const Doors& doors, bool use_socket);

}  // namespace regent
