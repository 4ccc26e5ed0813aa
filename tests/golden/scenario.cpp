#include "scenario.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "core/contract.h"
#include "core/decide.h"
#include "core/record.h"
#include "core/timeline.h"
#include "scenario_words.h"

namespace regent::golden {

Scenario::Scenario() {
  o_.now = Instant(std::chrono::hours(1));
  o_.wall = WallTime(std::chrono::seconds(1'800'000'000));
  o_.self.name = MemberName("n1");
  o_.self.conn_url = url_of("n1");
  o_.self.listen_port = "5432";
  o_.self.api_url = "http://n1.example:8008/patroni";
  o_.self.version = "0.1.0";
  o_.self.has_rewind_credentials = true;
  o_.self.bootstrap_dcs = Json::parse(R"({"ttl":30})");
  o_.lease.session = "s1";
  o_.lease.ttl = std::chrono::seconds(30);
  o_.postgres.process = Process::stopped;
  o_.postgres.data.state = DataState::empty;
  config_ = Json::parse(R"({"ttl":30,"loop_wait":10,"retry_timeout":10,"postgresql":{"use_pg_rewind":true}})");
  view_.config = {config_, Version{2}};
  o_.store_takes_over = true;
}

std::string Scenario::run(const std::string& line) {
  const auto words = split(line);
  if (words.empty()) return {};
  const auto rest = line.size() > words[0].size() ? line.substr(line.find(words[0]) + words[0].size()) : std::string();
  const std::map<std::string, std::function<void()>> commands{
      {"me", [&] { me(words); }},
      {"store", [&] { store(words); }},
      {"key", [&] { key(words, rest); }},
      {"leader", [&] { leader(words); }},
      {"member", [&] { member(words); }},
      {"postgres", [&] { postgres(words); }},
      {"data", [&] { data(words); }},
      {"lease", [&] { lease(words); }},
      {"failsafe", [&] { failsafe(words); }},
      {"guard", [&] { guard(words); }},
      {"watchdog", [&] { watchdog(words); }},
      {"peer", [&] { peer(words); }},
      {"probe", [&] { probe(words); }},
      {"history", [&] { history(words); }},
      {"job", [&] { job(words, rest); }},
      {"request", [&] { request(words); }},
      {"slot", [&] { slot(words); }},
      {"theirs", [&] { theirs(words); }},
      {"their-slot", [&] { theirs(words); }},
      {"remember", [&] { remember(words); }},
      {"archive", [&] { archive(words); }},
      {"refused", [&] { refused(words, rest); }},
      {"fails", [&] { fails(words); }},
      {"pass",
       [&] {
         o_.now += as_seconds(words.at(1));
         o_.wall += std::chrono::duration_cast<std::chrono::microseconds>(as_seconds(words.at(1)));
       }},
  };
  if (words[0] == "decide") return decide_once();
  const auto command = commands.find(words[0]);
  if (command == commands.end()) throw std::runtime_error("no such command: " + line);
  command->second();
  return {};
}

void Scenario::refresh() {
  o_.settings = parse_settings(config_, company_of(view_.members));
  view_.config.value = config_;
  o_.cluster = store_answers_ ? Fact<ClusterView>::known(view_, o_.now)
                              : Fact<ClusterView>::unknown("the store does not answer", o_.now);
  const Instant seen = o_.now - seen_ago_;
  o_.postgres.server = server_ ? Fact<ServerFacts>::known(*server_, seen) : Fact<ServerFacts>::unknown(silence_, seen);
}

void Scenario::grant_ticket() {
  if (!ticket_ || !server_ || memory_.ticket.value > 0) return;
  Timeline highest = std::max({recorded_timeline(view_), server_->timeline, memory_.highest_timeline});
  for (const auto& member : view_.members) highest = std::max(highest, member.timeline.value_or(Timeline{}));
  for (const auto& peer : peers_.answers) highest = std::max(highest, peer.timeline);
  memory_.ticket = Timeline{highest.value + 1};
  view_.timelines.value.ticket = memory_.ticket;
  view_.timelines.version = Version{next_version_++};
}

// What is written with the lock is there with it.
void Scenario::apply(const action::Ticket& ticket) {
  view_.timelines = {parse_timelines(ticket.value).value(), Version{next_version_++}};
}

// What an agent writes down about a decision leads to the same decision elsewhere (O3).
void Scenario::decide_from_record(const Decision& decision) const {
  const auto line = print_record({decision.rule, o_, memory_});
  const auto record = parse_record(line);
  if (!record) throw std::runtime_error(record.error().message);
  if (print_record(*record) != line || !(record->memory == memory_)) {
    throw std::runtime_error("a record is not what was written: " + line);
  }
  const auto again = decide(record->observation, record->memory);
  if (to_text(again) != to_text(decision) || !(again.memory == decision.memory)) {
    throw std::runtime_error("a record leads to another decision: " + to_text(again));
  }
}

std::string Scenario::decide_once() {
  grant_ticket();
  refresh();
  const auto decision = decide(o_, memory_);
  decide_from_record(decision);
  rules_hit_.insert(decision.rule);
  if (const auto broken = violations(o_, decision); !broken.empty()) {
    throw std::runtime_error(fmt::format("rule {}: a decision that {}", decision.rule, fmt::join(broken, "; that ")));
  }
  Outcome outcome;
  outcome.done = decision.actions.size();
  auto text = to_text(decision);
  if (fails_) {
    if (fails_->done >= outcome.done) throw std::runtime_error("the decision has not so many actions");
    outcome = *std::exchange(fails_, std::nullopt);
    text += fmt::format("  failed at action {}: {}\n", outcome.done + 1, outcome.failed->message);
  }
  memory_ = settle(memory_, decision, outcome);
  // A request stays until it is answered.
  for (std::size_t i = 0; i < outcome.done; ++i) {
    const auto& action = decision.actions[i];
    const auto* lock = std::get_if<action::AcquireLeader>(&action);
    if (lock != nullptr && lock->ticket) apply(*lock->ticket);
    if (const auto* take = std::get_if<action::TakeOver>(&action)) apply(take->ticket);
    const auto* write = std::get_if<action::WriteKey>(&action);
    if (write != nullptr && write->key == action::Key::timelines) apply({{}, write->value, {}});
    if (std::holds_alternative<action::AnswerRestart>(action)) o_.requests.restart.reset();
    if (std::holds_alternative<action::AnswerReinit>(action)) o_.requests.reinit.reset();
    if (std::holds_alternative<action::AnswerSchedule>(action)) o_.requests.schedule.reset();
  }
  return text + fmt::format("  wake in {}s\n", to_seconds(decision.wake_at - o_.now));
}

// me [libc=2.36] [nofailover] [nosync] [nostream] [priority=N] [replicatefrom=X] [no-rewind] [compat3]
void Scenario::me(const Words& words) {
  Json tags = Json::object();
  if (has(words, "nofailover")) tags["nofailover"] = true;
  if (has(words, "nosync")) tags["nosync"] = true;
  if (has(words, "nostream")) tags["nostream"] = true;
  if (const auto priority = option(words, "priority")) tags["failover_priority"] = std::stoi(*priority);
  if (const auto from = option(words, "replicatefrom")) tags["replicatefrom"] = *from;
  o_.self.libc = option(words, "libc").value_or("");
  o_.self.generation = has(words, "compat3") ? Generation::v3 : Generation::v4;
  o_.self.tags = parse_tags(tags);
  o_.self.has_rewind_credentials = !has(words, "no-rewind");
}

// store answers | store silent | store single-key | store restored (the keys of the backup follow)
void Scenario::store(const Words& words) {
  o_.store_takes_over = words.at(1) != "single-key";
  store_answers_ = words.at(1) != "silent";
  if (words.at(1) == "restored") ++view_.store;
}

// key config {json to merge} | key initialize 7000 | key initialize claimed-by s1 | key initialize absent | key
// failover {json} | key failover absent | key failsafe n1,n2 | key failsafe absent | key sync {json} | key sync absent
// | key status 0/3000000 [tl=3] | key history 1@0/3000000 | key timeline TICKET REACHED [left=N] | key timeline absent
// | key retain n2,n3 | key published n2=0/3000000
void Scenario::key(const Words& words, const std::string& rest) {
  const auto& name = words.at(1);
  const auto value = rest.substr(rest.find(name) + name.size() + 1);
  const Version version{next_version_++};
  if (name == "config") {
    if (value == "absent") {
      view_.config.version = {};
    } else {
      merge_patch(config_, Json::parse(value));
      view_.config.version = version;
    }
  } else if (name == "initialize") {
    view_.initialize_session.clear();
    view_.initialize = {value == "absent" ? "" : value, value == "absent" ? Version{} : version};
    if (words.at(2) == "claimed-by") {
      view_.initialize.value.clear();
      view_.initialize_session = words.at(3);
    }
  } else if (name == "failover") {
    view_.failover = {};
    if (value != "absent") view_.failover = {parse_failover(value).value(), version};
  } else if (name == "sync") {
    view_.sync = {};
    if (value != "absent") view_.sync = {parse_sync(value).value(), version};
  } else if (name == "status") {
    view_.status.value.optime = as_lsn(words.at(2));
    view_.status.value.timeline = as_timeline(option(words, "tl").value_or("0"));
    view_.status.value.shut_down = has(words, "shut-down");
    view_.status.version = version;
  } else if (name == "retain") {
    view_.status.value.retain_slots = value == "none" ? Words{} : as_names(value);
  } else if (name == "published") {
    view_.status.value.slots.clear();
    for (const auto& part : as_names(value)) {
      view_.status.value.slots[part.substr(0, part.find('='))] = as_lsn(part.substr(part.find('=') + 1));
    }
  } else if (name == "failsafe") {
    view_.failsafe = {};
    if (value == "absent") return;
    view_.failsafe.version = version;
    for (const auto& member : as_names(value)) view_.failsafe.value[member] = api_url_of(member);
  } else if (name == "history") {
    view_.history = {as_history(value), version};
  } else if (name == "timeline") {
    view_.timelines = {};
    if (value == "absent") return;
    const auto left = as_timeline(option(words, "left").value_or("0"));
    view_.timelines = {{as_timeline(words.at(2)), as_timeline(words.at(3)), left}, version};
  } else {
    throw std::runtime_error("no such key: " + name);
  }
}

// leader none | leader n2 | leader n1 session=s0
void Scenario::leader(const Words& words) {
  view_.leader = {};
  if (words.at(1) == "none") return;
  const bool mine = words[1] == "n1" && !option(words, "session");
  // Ours takes no number, and never goes back.
  const Version version{mine ? next_version_ : next_version_++};
  if (mine) o_.lease.version = version;
  view_.leader = {MemberName(words[1]), version, option(words, "session").value_or(mine ? "s1" : "s2")};
}

// member n2 primary|replica|gone [state] [tl=1] [clonefrom] [no-checkpoint] [nosync] [sync-priority=N] [nofailover]
// [replicatefrom=X] [lsn=X] [lacks=WAL_FILE] [regent] [branches=2:noon] [libc=2.36] [session=s0]
void Scenario::member(const Words& words) {
  std::erase_if(view_.members, [&](const Member& m) { return m.name.str() == words.at(1); });
  if (words.at(2) == "gone") return;
  Member m;
  m.name = MemberName(words[1]);
  m.conn_url = url_of(words[1]);
  m.api_url = api_url_of(words[1]);
  m.role = parse_role(words[2]).value();
  if (has(words, "regent")) m.regent = "0.1.0";
  m.state = has(words, "stopped") ? PgState::stopped : PgState::running;
  m.timeline = as_timeline(option(words, "tl").value_or("1"));
  m.tags.clonefrom = has(words, "clonefrom");
  m.tags.nosync = has(words, "nosync");
  m.tags.nofailover = has(words, "nofailover");
  m.tags.sync_priority = std::stoi(option(words, "sync-priority").value_or("1"));
  m.tags.replicatefrom = option(words, "replicatefrom").value_or("");
  m.libc = option(words, "libc").value_or("");
  m.missing_wal = option(words, "lacks").value_or("");
  if (const auto lsn = option(words, "lsn")) m.replay_lsn = as_lsn(*lsn);
  m.branches = as_branches(option(words, "branches").value_or(""));
  m.checkpoint_after_promote = !has(words, "no-checkpoint");
  m.session = option(words, "session").value_or(words[1] == "n1" ? "s1" : "s2");
  view_.members.push_back(m);
  std::sort(view_.members.begin(), view_.members.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
}

// refused none | refused NAME VALUE dynamic|local WHY: a parameter that PostgreSQL would not take
void Scenario::refused(const Words& words, const std::string& rest) {
  auto& parameters = o_.postgres.refused_parameters;
  if (words.at(1) == "none") return parameters.clear();
  const auto why = rest.find(words.at(3)) + words[3].size() + 1;
  parameters.push_back({words[1], words.at(2), words[3] == "local", rest.substr(why)});
}

// archive none | archive configured | archive closed | archive limited tl=2 left=1@0/3000000: restore_command, and what
// it may restore
void Scenario::archive(const Words& words) {
  o_.postgres.restores = words.at(1) != "none";
  o_.postgres.archive_limit.reset();
  if (words[1] == "closed") o_.postgres.archive_limit = ArchiveLimit{};
  if (words[1] != "limited") return;
  const auto left = option(words, "left");
  o_.postgres.archive_limit =
      ArchiveLimit{as_timeline(option(words, "tl").value_or("1")), left ? as_history(*left) : History{}};
}

// seen-ago=SECONDS: that was so long before the decision.
// deaf, mute, stuck with =SECONDS on a running server: since then it answers no connection, no query, flushes no WAL.
// postgres stopped [backup-store] | starting [says=WHAT_IT_DOES] | single-user | unknown | silent
// | primary tl=1 wal=0/3000000 [to=n2,n3] [behind=n3] [waits-for=ANY_1_(n2,n3)] [managed=n2] [busy-checkpointer]
// [collation=shop:2.31:2.36] [version=140000] | replica tl=1 wal=0/3000000 [upstream=n2] [slot=n1] [streaming]
// [receiving] [replaying] [replay-paused] [pending=max_connections] [unread]: WAL on the disk
void Scenario::postgres(const Words& words) {
  const auto& what = words.at(1);
  server_.reset();
  silence_ = "the query timed out";
  seen_ago_ = as_seconds(option(words, "seen-ago").value_or("0"));
  o_.postgres.why.clear();
  o_.postgres.deaf_since = o_.postgres.silent_since = o_.postgres.wal_stuck_since = std::nullopt;
  o_.postgres.pending_restart = Json::object();
  o_.postgres.clones_without_leader = has(words, "backup-store");
  if (const auto pending = option(words, "pending")) o_.postgres.pending_restart[*pending] = Json::object();
  o_.postgres.port = option(words, "port").value_or("");
  if (what == "stopped") {
    o_.postgres.process = Process::stopped;
    return;
  }
  o_.postgres.data.control.reset();
  if (what == "starting") {
    o_.postgres.process = Process::starting;
    silence_ = as_setting(option(words, "says").value_or("PostgreSQL_is_starting_up"));
  } else if (what == "single-user") {
    o_.postgres.process = Process::single_user;
  } else if (what == "unknown") {
    o_.postgres.process = Process::unknown;
    o_.postgres.why = "postmaster.pid cannot be read";
  } else {
    o_.postgres.process = Process::running;
    const auto since = [&](const std::string& name) -> std::optional<Instant> {
      const auto ago = option(words, name);
      return ago ? std::optional(o_.now - as_seconds(*ago)) : std::nullopt;
    };
    o_.postgres.deaf_since = since("deaf");
    o_.postgres.silent_since = since("mute");
    o_.postgres.wal_stuck_since = since("stuck");
    if (what == "silent") return;
    ServerFacts facts;
    facts.in_recovery = what == "replica";
    facts.timeline = as_timeline(option(words, "tl").value_or("1"));
    facts.wal = as_lsn(option(words, "wal").value_or("0/3000000"));
    if (facts.in_recovery) facts.received = facts.replayed = facts.wal;
    if (has(words, "replaying") || has(words, "unread")) facts.received.reset();
    facts.wal_known = !has(words, "unread");
    if (auto upstream = option(words, "upstream")) {
      const auto colon = upstream->find(':');
      const auto port = colon == std::string::npos ? "5432" : upstream->substr(colon + 1);
      facts.upstream = {upstream->substr(0, colon) + ".example", port};
    }
    facts.upstream_slot = option(words, "slot").value_or("");
    if (has(words, "streaming")) facts.replication_state = "streaming";
    facts.receiving = has(words, "streaming") || has(words, "receiving");
    facts.replay_paused = has(words, "replay-paused");
    if (const auto at = option(words, "started")) facts.postmaster_start_time += std::chrono::seconds(std::stoi(*at));
    if (const auto receivers = option(words, "to")) {
      std::istringstream names(*receivers);
      for (std::string name; std::getline(names, name, ',');) {
        ReplicationRow row;
        row.application_name = name;
        row.state = "streaming";
        row.flush_lsn = name == option(words, "behind").value_or("") ? Lsn{0x1000000} : facts.wal;
        row.write_lsn = row.flush_lsn;
        row.replay_lsn = name == option(words, "replays-late").value_or("") ? Lsn{0x1000000} : row.flush_lsn;
        facts.replication.push_back(row);
      }
    }
    facts.version = 150020;
    facts.synchronous_standby_names = as_setting(option(words, "waits-for").value_or(""));
    facts.synchronous_commit = option(words, "commit").value_or("on");
    facts.checkpointer_attentive = !has(words, "busy-checkpointer");
    // DATABASE:RECORDED:ACTUAL
    o_.postgres.collations.clear();
    if (const auto mismatch = option(words, "collation")) {
      const auto first = mismatch->find(':'), second = mismatch->rfind(':');
      o_.postgres.collations.push_back({"database " + mismatch->substr(0, first),
                                        mismatch->substr(first + 1, second - first - 1), mismatch->substr(second + 1)});
    }
    if (const auto version = option(words, "version")) facts.version = std::stoi(*version);
    o_.postgres.managed_sync_names.reset();
    if (const auto managed = option(words, "managed")) o_.postgres.managed_sync_names = as_setting(*managed);
    server_ = facts;
  }
}

// data empty | incomplete | unknown | valid 7000 [state=shut-down] [tl=1] [checkpoint=0/3000000] [min=0/3000000@2]
// [standby] [rewind-marker] [backup-label] [followed] [copied] [promoting] [recorded=s0] [led-by=n2]
// [led-timeline=2]
void Scenario::data(const Words& words) {
  auto& d = o_.postgres.data;
  d = {};
  const auto& what = words.at(1);
  if (what == "empty") d.state = DataState::empty;
  if (what == "empty" && has(words, "bootstrap-failed-again")) {
    d.bootstrap_failed = "initdb exited with code 1";
    d.bootstrap_retry_at = o_.wall + std::chrono::minutes(5);
  }
  if (what == "incomplete") d.state = DataState::incomplete;
  if (what == "unknown") d.why = "the data directory /data cannot be read: Input/output error; check the disk";
  if (what != "valid") return;
  d.state = DataState::valid;
  d.system_id = SystemId(words.at(2));
  d.standby_signal = has(words, "standby");
  d.rewind_marker = has(words, "rewind-marker");
  d.copied = has(words, "copied");
  d.promoting = has(words, "promoting");
  d.backup_label = has(words, "backup-label");
  d.followed = has(words, "followed");
  d.lock_session = option(words, "recorded").value_or("");
  d.led_by = MemberName(option(words, "led-by").value_or(""));
  d.led_timeline = as_timeline(option(words, "led-timeline").value_or("0"));
  if (auto state = option(words, "state")) {
    std::replace(state->begin(), state->end(), '-', ' ');
    ControlFacts control;
    control.state = *state;
    control.timeline = as_timeline(option(words, "tl").value_or("1"));
    control.checkpoint = as_lsn(option(words, "checkpoint").value_or("0/3000000"));
    if (const auto min = option(words, "min")) {
      const auto at = min->find('@');
      control.min_recovery = as_lsn(min->substr(0, at));
      control.min_recovery_timeline = at == std::string::npos ? control.timeline : as_timeline(min->substr(at + 1));
    }
    d.control = control;
  }
}

// failsafe round ago=1 [accepted=n2,n3@0/3000000] [refused=n4]: a round of ours, which extends the lease when nobody
// refused; with what they have
// failsafe promise n2 [ago=1] [for=30] [slots=cdc@0/2000000] | failsafe started ago=5
void Scenario::failsafe(const Words& words) {
  const Instant then = o_.now - as_seconds(option(words, "ago").value_or("0"));
  auto& facts = o_.failsafe;
  if (words.at(1) == "round") {
    FailsafeRound round;
    round.sent = then;
    for (const auto& text : as_names(option(words, "accepted").value_or(""))) {
      const auto at = text.find('@');
      FailsafeAnswer answer{MemberName(text.substr(0, at)), true, "", {}};
      if (at != std::string::npos) answer.wal = as_lsn(text.substr(at + 1));
      round.answers.push_back(std::move(answer));
    }
    for (const auto& name : as_names(option(words, "refused").value_or(""))) {
      round.answers.push_back({MemberName(name), false, "it did not answer in time", {}});
    }
    if (round.complete()) o_.lease.extended_at = then;
    facts.round = round;
  } else if (words[1] == "promise") {
    FailsafePromise promise;
    promise.leader.name = MemberName(words.at(2));
    promise.leader.conn_url = url_of(words[2]);
    promise.leader.state = PgState::running;
    promise.leader.role = Role::primary;
    for (const auto& part : as_names(option(words, "slots").value_or(""))) {
      promise.slots[part.substr(0, part.find('@'))] = as_lsn(part.substr(part.find('@') + 1)).value;
    }
    promise.given_at = then;
    promise.until = then + as_seconds(option(words, "for").value_or("30"));
    facts.promise = promise;
  } else {
    facts.agent_started = then;
  }
}

// lease held [ago=2] [no-ticket] | lease none [taken-by=n2]: whoever has the lock took a timeline number with it, if
// not said otherwise
void Scenario::lease(const Words& words) {
  o_.lease.held = words.at(1) == "held";
  o_.lease.taken_by = MemberName(option(words, "taken-by").value_or(""));
  ticket_ = o_.lease.held && !has(words, "no-ticket");
  if (!o_.lease.held) return;
  o_.lease.confirmed_at = o_.now - as_seconds(option(words, "ago").value_or("0"));
}

// guard off | [required] unsettled|idle|armed|failed [left=3] [fenced-ago=1]: `left` is the time to its deadline; the
// lease's if not said
void Scenario::guard(const Words& words) {
  auto& facts = o_.fences.guard;
  facts = {};
  facts.mode = as_fence_mode(words);
  if (has(words, "idle")) facts.state = GuardFacts::State::idle;
  if (has(words, "armed")) facts.state = GuardFacts::State::armed;
  if (has(words, "failed")) {
    facts.state = GuardFacts::State::failed;
    facts.why = "it cannot be started: Operation not permitted";
  }
  const auto left = option(words, "left");
  if (facts.armed()) facts.deadline = left ? o_.now + as_seconds(*left) : dead_by(o_.lease);
  if (const auto ago = option(words, "fenced-ago")) facts.fenced_at = o_.now - as_seconds(*ago);
}

// watchdog off | [required] closed|active|failed [unusable] [timeout=25]
void Scenario::watchdog(const Words& words) {
  auto& facts = o_.fences.watchdog;
  facts = {};
  facts.mode = as_fence_mode(words);
  facts.safety_margin = std::chrono::seconds(5);
  facts.usable = !has(words, "unusable");
  if (has(words, "active")) facts.state = WatchdogFacts::State::active;
  if (has(words, "failed")) facts.state = WatchdogFacts::State::failed;
  if (!facts.usable || has(words, "failed")) facts.why = "/dev/watchdog cannot be opened";
  facts.timeout = as_seconds(option(words, "timeout").value_or("25"));
}

// peer n2 unreachable | peer n2 down | peer n2 replica|primary tl=1 wal=0/3000000 [nofailover] [priority=N] [refuses]
// [unread] [attached] [streams-from=n3] [saw-before]: before the last change of /sync [promised]: not to stand | peers
// none | ... [knew=n2:n3]: whom it saw lead, with which synchronous standbys, before the store was put back | ...
// [saw-leader]: since then, by the keys as they are
void Scenario::peer(const Words& words) {
  peers_.asked_at = o_.now;
  if (words.at(1) == "none") {
    peers_.answers.clear();
  } else {
    std::erase_if(peers_.answers, [&](const PeerAnswer& p) { return p.name.str() == words[1]; });
    PeerAnswer answer;
    answer.name = MemberName(words[1]);
    answer.reachable = words.at(2) != "unreachable";
    answer.down = words[2] == "down";
    answer.running = answer.reachable && !answer.down && words[2] != "crashed";
    answer.in_recovery = words[2] != "primary";
    answer.timeline = as_timeline(option(words, "tl").value_or("1"));
    answer.wal = as_lsn(option(words, "wal").value_or("0/3000000"));
    answer.nofailover = has(words, "nofailover");
    answer.failover_priority = std::stoi(option(words, "priority").value_or("1"));
    answer.refuses = has(words, "refuses");
    answer.holds_back = has(words, "promised");
    answer.wal_known = !has(words, "unread");
    answer.silent = !answer.reachable;
    answer.let_go = !has(words, "attached");
    if (const auto from = option(words, "streams-from")) answer.streams_from = *from + ".example:5432";
    answer.leader_version = view_.leader.version;
    answer.sync_version = view_.sync.version;
    if (has(words, "saw-before")) --answer.sync_version.value;
    if (has(words, "saw-leader")) answer.led_store = LedStore{view_.store, view_.revision, {}, view_.sync.version};
    if (const auto knew = option(words, "knew")) {
      const auto colon = knew->find(':');
      RestoredStore restored;
      restored.leader_key = view_.leader.version;
      restored.sync_key = view_.sync.version;
      restored.before.store = view_.store - 1;
      restored.before.revision = view_.revision + 1;
      restored.before.leader = restored.before.sync.leader = MemberName(knew->substr(0, colon));
      for (const auto& name : as_names(knew->substr(colon + 1))) restored.before.sync.standbys.emplace_back(name);
      answer.restored_store = restored;
    }
    peers_.answers.push_back(answer);
  }
  o_.peers = Fact<PeersFacts>::known(peers_, o_.now);
}

// probe silent|agent|server|unclear: what was found out just now about the leader
void Scenario::probe(const Words& words) {
  const auto& what = words.at(1);
  LeaderProbe probe;
  probe.leader = view_.leader.name;
  probe.asked_at = probe.ended_at = o_.now;
  probe.agent = what == "agent" ? Presence::answers : what == "unclear" ? Presence::unclear : Presence::silent;
  probe.server = what == "server" ? Presence::answers : Presence::silent;
  probe.why = "connection refused";
  o_.leader_probe = Fact<LeaderProbe>::known(probe, o_.now);
}

// history unreachable | history of n2 tl=2 wal=0/4000000 left=1@0/3000000 [in-recovery] [via=n3] [not-here=2,3]
// [not-there=2] [files=2@5-9,3@9-9]: WAL of the one to stream from, by timeline; [no-slot] | history own
// left=1@0/3000000 [branches=2:noon] | history own first
void Scenario::history(const Words& words) {
  const auto left = option(words, "left");
  if (words.at(1) == "own") {
    o_.branches = as_branches(option(words, "branches").value_or(""));
    o_.local_history = Fact<History>::known(left ? as_history(*left) : History{}, o_.now);
    return;
  }
  if (words[1] == "unreachable") {
    o_.upstream_history = Fact<UpstreamHistory>::unknown("no route to host", o_.now);
    return;
  }
  UpstreamHistory upstream;
  upstream.source = MemberName(words.at(2));
  upstream.timeline = as_timeline(option(words, "tl").value_or("1"));
  upstream.wal = as_lsn(option(words, "wal").value_or("0/3000000"));
  upstream.in_recovery = has(words, "in-recovery");
  if (left) upstream.history = as_history(*left);
  upstream.stream = as_stream(words);
  o_.upstream_history = Fact<UpstreamHistory>::known(upstream, o_.now);
}

// job none | job runs promote | job done promote | job failed clone the disk is full | job refused ... |
// job not-begun ...
void Scenario::job(const Words& words, const std::string& rest) {
  const auto& what = words.at(1);
  if (what == "runs") {
    o_.job.running = as_job(words.at(2));
    o_.job.running_id = (o_.job.ended ? o_.job.ended->id : 0) + 1;
    o_.job.started = o_.now;
    o_.job.progress = words.size() > 3 ? rest.substr(rest.find(words[2]) + words[2].size() + 1) : std::string();
    return;
  }
  o_.job.running.reset();
  if (what == "none") return;
  JobEnd end;
  end.id = (o_.job.ended ? o_.job.ended->id : 0) + 1;
  end.spec = as_job(words.at(2));
  end.at = o_.now;
  if (what != "done") {
    const std::map<std::string, ErrorKind> kinds{
        {"failed", ErrorKind::failed}, {"refused", ErrorKind::refused}, {"not-begun", ErrorKind::not_begun}};
    end.error = Error{kinds.at(what), rest.substr(rest.find(words[2]) + words[2].size() + 1)};
  }
  o_.job.ended = end;
}

// request shutdown | reload | restart [pending] [replica] [standby-leader] [below=160000] | reinit [from-leader] |
// schedule 60 [...] | unschedule
void Scenario::request(const Words& words) {
  const auto& what = words.at(1);
  if (what == "shutdown") o_.requests.shutdown = true;
  if (what == "reload") o_.requests.reload = true;
  RestartFilter filter;
  filter.pending = has(words, "pending");
  if (has(words, "replica")) filter.role = Role::replica;
  if (has(words, "standby-leader")) filter.role = Role::standby_leader;
  if (const auto version = option(words, "below")) filter.below_version = std::stoi(*version);
  if (what == "restart") o_.requests.restart = RestartRequest{7, filter, {}};
  if (what == "unschedule") o_.requests.schedule = ScheduleRequest{9, {}};
  if (what == "schedule") {
    ScheduledRestart plan;
    plan.at = o_.wall + std::chrono::seconds(std::stoi(words.at(2)));
    plan.filter = filter;
    plan.postmaster_start_time = to_rest_time(server().postmaster_start_time);
    plan.published = Json::object({{"schedule", to_iso_time(plan.at)}});
    o_.requests.schedule = ScheduleRequest{9, plan};
  }
  if (what == "reinit") o_.requests.reinit = ReinitRequest{8, has(words, "from-leader"), false};
}

ServerFacts& Scenario::server() {
  if (!server_) throw std::runtime_error("this needs a server that answers");
  return *server_;
}

// slot n2 [options as above]
void Scenario::slot(const Words& words) {
  server().slots.push_back(as_slot(words, server().wal));
}

// theirs n2 tl=2 [in this cycle the leader told its slots, which follow] | their-slot cdc [options as above]
void Scenario::theirs(const Words& words) {
  if (words[0] == "their-slot") {
    their_slots_.slots.push_back(as_slot(words, Lsn{}));
  } else {
    their_slots_ = {};
    their_slots_.source = MemberName(words.at(1));
    their_slots_.timeline = as_timeline(option(words, "tl").value_or("1"));
  }
  o_.upstream_slots = Fact<UpstreamSlots>::known(their_slots_, o_.now);
}

// fails 2 timeout|unreachable|conflict|refused|failed: what becomes of the second action of the next decision; those
// after it are not performed
void Scenario::fails(const Words& words) {
  const std::map<std::string, ErrorKind> kinds{{"timeout", ErrorKind::timeout},
                                               {"unreachable", ErrorKind::unreachable},
                                               {"conflict", ErrorKind::conflict},
                                               {"refused", ErrorKind::refused},
                                               {"failed", ErrorKind::failed}};
  fails_ = Outcome{std::stoul(words.at(1)) - 1, Error{kinds.at(words.at(2)), words[2]}};
}

// remember ran-as-primary | remember crashed-ago=40 | remember checkpoint-due | remember handed-over: what an earlier
// part of the story left behind
void Scenario::remember(const Words& words) {
  if (has(words, "ran-as-primary")) memory_.ran_as_primary = true;
  if (has(words, "checkpoint-due")) memory_.checkpoint_due = true;
  if (has(words, "handed-over")) memory_.demotion = Demotion{Demotion::Kind::graceful, "switchover", o_.now};
  if (has(words, "nothing")) memory_ = Memory{};
  if (const auto ago = option(words, "crashed-ago")) memory_.crashed_at = o_.now - as_seconds(*ago);
}

}  // namespace regent::golden
