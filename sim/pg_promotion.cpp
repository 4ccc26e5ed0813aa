// What becomes of a promotion that an agent asked for (F18, F63).
#include "sim/pg_server.h"

namespace regent::sim {

using namespace std::chrono_literals;

void PgServer::promote(Timeline wanted, Done done) {
  if (process_ != Process::running || !in_recovery_)
    return done(fail(ErrorKind::failed, "the server is not in recovery"));
  auto told = std::make_shared<bool>(false);
  auto once = [told, done = std::move(done)](Result<void> result) {
    if (!*told) done(std::move(result));
    *told = true;
  };
  stop_waiters_.push_back(
      [once](Result<void>) { once(fail(ErrorKind::failed, "the postmaster died during promotion")); });
  disk_.led_by = application_name();
  disk_.led_timeline = wanted;
  disk_.promoting = true;
  Rng& rng = shared_.world.rng();
  Promotion how = promotion_;
  if (unreadable_ || disk_.state != DataState::valid) how = Promotion::fails;
  if (replay_paused()) how = Promotion::dies;  // it needs the higher setting to go on
  if (how != Promotion::works) ++shared_.broken_promotions;
  // What lies on the disk is replayed first.
  Duration takes = rng.between(30ms, 600ms) + (all_replayed() ? Duration{} : rng.between(100ms, 5s));
  if (how == Promotion::slow) takes = rng.between(5s, 100s);
  if (how == Promotion::stalls) takes = rng.between(5s, 120s);
  if (how == Promotion::fails || how == Promotion::unclear) {
    shared_.world.after(rng.between(10ms, 1s), [once] { once(fail(ErrorKind::failed, "pg_promote() failed")); });
    if (how == Promotion::fails || rng.chance(0.3)) return;
    takes = rng.between(500ms, 8s);
  }
  if (how == Promotion::dies) return later(takes, [this] { gone(false); });
  watch_promotion(once, how == Promotion::stalls, {});
  later(takes, [this, wanted, once] {
    if (process_ != Process::running || !in_recovery_)
      return once(fail(ErrorKind::failed, "promotion was interrupted"));
    leave_recovery(wanted);
    disk_.followed = disk_.promoting = false;  // marks of the agent's
    once({});
  });
}

// As the adapter does: nothing moves for a minute.
void PgServer::watch_promotion(Done once, bool stalls, Duration still) {
  if (still >= 60s) return once(fail(ErrorKind::timeout, "the promotion makes no progress"));
  shared_.world.after(1s, [this, once = std::move(once), stalls, still, epoch = epoch_] {
    if (epoch != epoch_ || !in_recovery_) return;
    watch_promotion(once, stalls, stalls || frozen_ ? still + 1s : Duration{});
  });
}

}  // namespace regent::sim
