// Member tags: the ones with a meaning, and the user's own.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"

namespace regent {

struct Tags {
  bool nofailover = false;
  bool noloadbalance = false;
  bool nosync = false;
  bool clonefrom = false;
  bool nostream = false;
  int failover_priority = 1;
  int sync_priority = 1;
  std::string replicatefrom;
  Json all = Json::object();  // what is published: false built-in flags are left out (T33), custom tags kept as given

  // I15: a tag that forbids it, in either spelling.
  bool may_lead() const { return !nofailover && failover_priority > 0; }
  bool may_sync() const { return !nosync && !nostream && sync_priority > 0; }
};

// Reads the `tags` mapping of a YAML file or of a member key. Values that make no sense count as absent.
Tags parse_tags(const Json& tags);
// One sentence, in Patroni's words, for each flag that says something else than the priority beside it.
std::vector<std::string> tag_conflicts(const Json& tags);

}  // namespace regent
