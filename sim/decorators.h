// Ports that pass everything on, for sabotages to override a part of.
#pragma once

#include <string>
#include <utility>

#include "ports/dcs.h"
#include "ports/postgres.h"

namespace regent::sim {

class DcsDecorator : public Dcs {
 public:
  explicit DcsDecorator(Dcs& inner) : inner_(inner) {}

  Task<Result<ClusterView>> read(Instant deadline) override { return inner_.read(deadline); }
  Task<void> changed(Instant until) override { return inner_.changed(until); }
  void set_ttl(Duration ttl) override { inner_.set_ttl(ttl); }
  Task<Result<void>> keep_session(Instant deadline) override { return inner_.keep_session(deadline); }
  std::string session() const override { return inner_.session(); }
  Task<Result<LeaseGrant>> acquire_leader(action::AcquireLeader lock, Instant deadline) override {
    return inner_.acquire_leader(std::move(lock), deadline);
  }
  bool takes_over() const override { return inner_.takes_over(); }
  Task<Result<LeaseGrant>> take_over(action::TakeOver take, Instant deadline) override {
    return inner_.take_over(std::move(take), deadline);
  }
  Task<Result<LeaseGrant>> renew_leader(Version version, Instant deadline) override {
    return inner_.renew_leader(version, deadline);
  }
  Task<Result<void>> release_leader(Version version, Instant deadline) override {
    return inner_.release_leader(version, deadline);
  }
  Task<Result<Version>> write(action::WriteKey write, Instant deadline) override {
    return inner_.write(std::move(write), deadline);
  }
  Task<Result<void>> erase(action::DeleteKey erase, Instant deadline) override {
    return inner_.erase(std::move(erase), deadline);
  }
  Task<Result<void>> write_member(std::string value, Instant deadline) override {
    return inner_.write_member(std::move(value), deadline);
  }
  Task<Result<void>> erase_member(Instant deadline) override { return inner_.erase_member(deadline); }
  Task<void> close(Instant deadline) override { return inner_.close(deadline); }

 protected:
  Dcs& inner_;
};

class PostgresDecorator : public Postgres {
 public:
  explicit PostgresDecorator(Postgres& inner) : inner_(inner) {}

  Task<PostgresFacts> observe(Instant deadline) override { return inner_.observe(deadline); }
  Task<void> changed(Instant until) override { return inner_.changed(until); }
  void set_config(const Json& config) override { inner_.set_config(config); }
  Task<Result<bool>> apply_config(Instant deadline) override { return inner_.apply_config(deadline); }
  Task<Result<std::vector<RefusedParameter>>> check_config(Json dynamic_config, Instant deadline) override {
    return inner_.check_config(std::move(dynamic_config), deadline);
  }
  Json cached_dynamic_config() const override { return inner_.cached_dynamic_config(); }
  Task<Result<void>> initdb(Instant deadline) override { return inner_.initdb(deadline); }
  Task<Result<void>> bootstrap_roles(Instant deadline) override { return inner_.bootstrap_roles(deadline); }
  Task<Result<void>> start(job::Start spec, Instant deadline) override {
    return inner_.start(std::move(spec), deadline);
  }
  Task<Result<void>> stop(StopMode mode, Instant deadline) override { return inner_.stop(mode, deadline); }
  Task<Result<void>> kill_tree(Instant deadline) override { return inner_.kill_tree(deadline); }
  Task<Result<void>> before_stop(Instant deadline) override { return inner_.before_stop(deadline); }
  Task<Result<void>> archive_shutdown(Instant deadline) override { return inner_.archive_shutdown(deadline); }
  Task<Result<void>> before_promotion(job::Promote promotion, Instant deadline) override {
    return inner_.before_promotion(promotion, deadline);
  }
  Task<Result<void>> promote(Timeline timeline, Instant deadline) override {
    return inner_.promote(timeline, deadline);
  }
  Task<Result<void>> checkpoint(Instant deadline) override { return inner_.checkpoint(deadline); }
  Task<Result<void>> follow(Upstream upstream, Instant deadline) override {
    return inner_.follow(std::move(upstream), deadline);
  }
  Task<Result<void>> clone(Upstream source, Instant deadline) override {
    return inner_.clone(std::move(source), deadline);
  }
  Task<Result<void>> crash_recovery(Instant deadline) override { return inner_.crash_recovery(deadline); }
  Task<Result<void>> rewind(Upstream source, Instant deadline) override {
    return inner_.rewind(std::move(source), deadline);
  }
  Task<Result<void>> remove_data(job::RemoveData removal, Instant deadline) override {
    return inner_.remove_data(std::move(removal), deadline);
  }
  Task<Result<void>> probe(Upstream server, Instant deadline) override {
    return inner_.probe(std::move(server), deadline);
  }
  Task<Result<UpstreamHistory>> upstream_history(action::GatherUpstreamHistory question, Instant deadline) override {
    return inner_.upstream_history(std::move(question), deadline);
  }
  Task<Result<void>> fetch_histories(action::FetchHistories order, Instant deadline) override {
    return inner_.fetch_histories(std::move(order), deadline);
  }
  Task<Result<History>> local_history(Timeline timeline, Instant deadline) override {
    return inner_.local_history(timeline, deadline);
  }
  Task<Result<std::string>> branch_time(Timeline timeline, Lsn start, Instant deadline) override {
    return inner_.branch_time(timeline, start, deadline);
  }
  Task<Result<void>> set_sync_names(std::optional<std::string> names, Instant deadline) override {
    return inner_.set_sync_names(std::move(names), deadline);
  }
  Task<Result<void>> create_slot(std::string name, Instant deadline) override {
    return inner_.create_slot(std::move(name), deadline);
  }
  Task<Result<void>> drop_slot(std::string name, Instant deadline) override {
    return inner_.drop_slot(std::move(name), deadline);
  }
  Task<Result<void>> create_logical_slot(action::SyncSlots::Logical slot, Instant deadline) override {
    return inner_.create_logical_slot(std::move(slot), deadline);
  }
  Task<Result<void>> advance_slot(action::SyncSlots::Advance slot, Instant deadline) override {
    return inner_.advance_slot(std::move(slot), deadline);
  }
  Task<Result<void>> forget_copy(Instant deadline) override { return inner_.forget_copy(deadline); }
  Task<Result<void>> mark_slots(bool copies, Instant deadline) override { return inner_.mark_slots(copies, deadline); }
  Task<Result<void>> record_lock(std::string session, Instant deadline) override {
    return inner_.record_lock(std::move(session), deadline);
  }
  Task<Result<UpstreamSlots>> upstream_slots(Upstream source, Instant deadline) override {
    return inner_.upstream_slots(std::move(source), deadline);
  }
  Task<Result<std::vector<SlotCopy>>> read_slots(Upstream source, std::vector<std::string> names,
                                                 Instant deadline) override {
    return inner_.read_slots(std::move(source), std::move(names), deadline);
  }
  Task<Result<void>> write_slots(std::vector<SlotCopy> slots, Instant deadline) override {
    return inner_.write_slots(std::move(slots), deadline);
  }
  void run_callback(std::string_view action, std::string_view role) override { inner_.run_callback(action, role); }
  std::string progress() const override { return inner_.progress(); }

 protected:
  Postgres& inner_;
};

}  // namespace regent::sim
