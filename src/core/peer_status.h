// What members tell each other about themselves in GET /patroni: said, printed and understood here. An election counts
// on every word of it (I5, I7). Pure; errors: a document that cannot be understood is of a member that is not reachable
// (F44).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/observation.h"
#include "core/snapshot.h"

namespace regent {

// This node, as the others are to see it.
PeerAnswer own_status(const Snapshot& snapshot, const std::string& instance, Instant now);

// Adds to the object "regent" of the document what Patroni's part of it does not say.
void print_peer_status(const PeerAnswer& own, Json& out);

// Why a member is not reachable.
PeerAnswer unreachable_peer(MemberName name, std::string why);
// The whole document, of Regent's or of Patroni's of any generation (T1). `its_clock`: seconds since the epoch by the
// peer's own clock when it answered, against which it tells when it last saw the store.
PeerAnswer parse_peer_status(MemberName name, std::string_view body, std::optional<std::int64_t> its_clock = {});

}  // namespace regent
