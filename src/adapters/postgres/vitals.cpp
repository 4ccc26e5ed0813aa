#include "adapters/postgres/vitals.h"

#include <algorithm>
#include <utility>

#include "adapters/postgres/conninfo.h"
#include "adapters/postgres/probe.h"

namespace regent {
namespace {

// A server that is alive answers within microseconds, one that swaps within a second.
constexpr Duration probe_patience = std::chrono::milliseconds(1500);

}  // namespace

void Vitals::begin(std::uint32_t incarnation) {
  if (std::exchange(pulse_of_, incarnation) == incarnation) return;
  connections_.forget();
  queries_.forget();
  flushes_.forget();
}

void Vitals::frozen(Instant asked) {
  connections_.missed(asked);
  queries_.missed(asked);
}

void Vitals::silent(Instant asked) {
  queries_.missed(asked);
}

void Vitals::answered(const ServerAnswer& answer, Instant asked) {
  queries_.found(asked);
  primary_ = !answer.facts.in_recovery;
  // Somebody waits for WAL to get to the disk, and nothing of it does (F54). That some of it is in memory only would
  // say nothing: it may be of a transaction that has not ended.
  if (primary_ && answer.waits_for_wal && answer.flushed == flushed_) {
    flushes_.missed(asked);
  } else {
    flushes_.found(asked);
  }
  flushed_ = answer.flushed;
}

Task<void> Vitals::probe(Instant deadline) {
  const auto asked_at = context_.clock.now();
  const auto& config = context_.config();
  // The same processes answer on all of its sockets, and this one costs least.
  const auto socket = local_address(context_.doors(), true);
  auto asking = probe_server(socket, context_.clock, deadline);
  auto answered = co_await std::move(asking);
  if (!answered && answered.error().kind == ErrorKind::unreachable && !config.use_unix_socket) {
    auto address = local_address(context_.doors(), false);
    auto again = probe_server(std::move(address), context_.clock, deadline);
    answered = co_await std::move(again);
  }
  if (answered) {
    connections_.found(asked_at);
  } else if (answered.error().kind == ErrorKind::timeout) {
    connections_.missed(asked_at);
  }
}

Task<void> Vitals::watch(Instant until) {
  for (;;) {
    const auto next = context_.clock.now() + pulse_interval;
    auto rest = context_.clock.sleep_until(primary_ ? std::min(next, until) : until);
    co_await std::move(rest);
    if (!primary_ || context_.clock.now() >= until) co_return;
    auto probing = probe(context_.clock.now() + probe_patience);
    co_await std::move(probing);
    if (connections_.missing_since()) co_return;
  }
}

void Vitals::tell(PostgresFacts& facts) const {
  facts.deaf_since = connections_.missing_since();
  facts.silent_since = queries_.missing_since();
  facts.wal_stuck_since = flushes_.missing_since();
}

}  // namespace regent
