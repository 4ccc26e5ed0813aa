#include <fmt/format.h>

#include "core/plan/planners.h"

namespace regent::plan {

void collations(const Situation& s, Decision& d) {
  const auto& found = s.o.postgres.collations;
  std::string text;
  if (s.server != nullptr && !found.empty()) {
    const auto& first = found.front();
    const auto others = found.size() > 1 ? fmt::format(" and {} more", found.size() - 1) : std::string();
    const auto* remedy = s.primary ? "rebuild the indexes, then ALTER DATABASE ... REFRESH COLLATION VERSION"
                                   : "give this machine the operating system of the leader's before it is promoted";
    text = fmt::format("{}{}: text was sorted by version {}, and is sorted by {} here; {}", first.where, others,
                       first.recorded, first.actual, remedy);
  }
  const bool differs =
      s.leader != nullptr && !s.leader->libc.empty() && !s.o.self.libc.empty() && s.leader->libc != s.o.self.libc;
  if (s.replica && differs) {
    if (!text.empty()) text += "; ";
    text += fmt::format("the C library here is {}, the one of the leader {} is {}", s.o.self.libc, s.leader->name.str(),
                        s.leader->libc);
  }
  if (!text.empty()) d.conditions.push_back({"CollationVersionMismatch", std::move(text)});
}

}  // namespace regent::plan
