#include "sim/peers_port.h"

#include <charconv>

#include "core/peer_status.h"

namespace regent::sim {

namespace {

// Members are named n1, n2, ...
int node_of(const MemberName& name) {
  int number = 0;
  const std::string& text = name.str();
  std::from_chars(text.data() + 1, text.data() + text.size(), number);
  return number - 1;
}

struct Gathering {
  PeersFacts facts;
  std::size_t missing = 0;
};

}  // namespace

Task<PeersFacts> PeersPort::ask(std::vector<Member> members, Instant deadline) {
  auto gathering = std::make_shared<Gathering>();
  gathering->facts.asked_at = p_.clock.boot();
  gathering->missing = members.size();
  for (const Member& member : members) {
    PeerAnswer silent;
    silent.name = member.name;
    silent.why = "no answer in time";
    silent.silent = true;
    gathering->facts.answers.push_back(silent);
  }
  if (members.empty()) co_return gathering->facts;
  const Duration until = p_.clock.when(deadline);
  auto start = [this, gathering, members, until](std::shared_ptr<Wait<bool>> wait) {
    World& world = p_.world;
    Network& network = p_.network;
    const int from = p_.node;
    for (std::size_t i = 0; i < members.size(); ++i) {
      const int to = node_of(members[i].name);
      const MemberName name = members[i].name;
      const Published published = p_.published;
      const Duration way = network.latency();
      world.after(way, [=, this, &world, &network] {
        if (wait->done() || !network.connected(from, to)) return;
        const auto snapshot = published(to);
        if (!snapshot) return;
        if (!*snapshot) {
          gathering->facts.answers[i].why = "connection refused";
          if (--gathering->missing == 0) wait->complete(true);
          return;
        }
        p_.observe(to, [=, &world, &network](std::shared_ptr<const Snapshot> seen) {
          world.after(network.latency(), [=, &network] {
            if (wait->done() || !network.connected(to, from)) return;
            gathering->facts.answers[i] = own_status(*seen, {}, seen->observation.now);
            if (--gathering->missing == 0) wait->complete(true);
          });
        });
      });
    }
    world.at(until, [wait] { wait->complete(true); });
  };
  co_await wait_for<bool>(p_.process, start, false);
  co_return gathering->facts;
}

Task<FailsafeRound> PeersPort::ask_failsafe(FailsafeMembers members, FailsafeRequest request, Instant deadline) {
  struct Asked {
    FailsafeRound round;
    std::size_t missing = 0;
  };
  auto asked = std::make_shared<Asked>();
  asked->round.sent = p_.clock.boot();
  asked->missing = members.size();
  for (const auto& [name, url] : members)
    asked->round.answers.push_back({MemberName(name), false, "no answer in time", {}});
  if (!members.empty()) {
    const Duration until = p_.clock.when(deadline);
    auto start = [this, asked, request, until](std::shared_ptr<Wait<bool>> wait) {
      World& world = p_.world;
      Network& network = p_.network;
      const int from = p_.node;
      const auto promise = p_.promise;
      for (std::size_t i = 0; i < asked->round.answers.size(); ++i) {
        const int to = node_of(asked->round.answers[i].name);
        const auto answered = [=, &world, &network](bool accepted, const std::string& why) {
          world.after(network.latency(), [=, &network] {
            if (wait->done() || !network.connected(to, from)) return;
            asked->round.answers[i].accepted = accepted;
            asked->round.answers[i].why = why;
            if (--asked->missing == 0) wait->complete(true);
          });
        };
        world.after(network.latency(), [=, &network] {
          if (network.connected(from, to) && !promise(to, request, answered)) answered(false, "connection refused");
        });
      }
      world.at(until, [wait] { wait->complete(true); });
    };
    co_await wait_for<bool>(p_.process, start, false);
  }
  p_.round_ended(asked->round, request.ttl);
  co_return asked->round;
}

}  // namespace regent::sim
