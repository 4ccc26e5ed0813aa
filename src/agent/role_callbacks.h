// When the user's callbacks run: from observed changes of the local server, as Patroni's users know them (compat 1.17).
// Who calls: the control loop, once per cycle; the executor after a reload. Threading: the control loop's thread.
#pragma once

#include <cstdint>
#include <optional>

#include "core/job.h"
#include "core/postgres_facts.h"
#include "model/role.h"
#include "ports/postgres.h"

namespace regent {

class RoleCallbacks {
 public:
  // `demoting`: a demotion is under way, the stop is not any stop. `standby_leads`: this node has the lock in a standby
  // cluster.
  void observe(Postgres& postgres, const PostgresFacts& facts, const JobFacts& job, bool demoting, bool standby_leads,
               Generation generation);
  void reloaded(Postgres& postgres, Generation generation) const;

 private:
  void came_up(Postgres& postgres, Role role, bool restarted, Generation generation);
  void went_down(Postgres& postgres, const JobFacts& job, bool demoting, Generation generation);

  bool looked_ = false;  // a server that runs before our first look was not started by us: no callback
  bool up_ = false;
  std::uint32_t incarnation_ = 0;
  std::optional<Role> role_;  // the last one callbacks were told
};

}  // namespace regent
