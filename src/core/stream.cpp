#include "core/stream.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/rules/steps.h"

namespace regent {
namespace {

// It is asked again every 10 s while nothing streams.
constexpr Duration stock_age_max = std::chrono::seconds(30);

std::string wal_file(Timeline timeline, std::uint64_t segment, std::uint64_t segment_size) {
  const std::uint64_t per_log = (1ULL << 32U) / segment_size;
  return fmt::format("{:08X}{:08X}{:08X}", timeline.value, segment / per_log, segment % per_log);
}

// The first segment of [from, to] that is not there.
std::optional<std::uint64_t> first_missing(const WalStock& stock, Timeline timeline, std::uint64_t from,
                                           std::uint64_t to) {
  const auto found = std::find_if(stock.ranges.begin(), stock.ranges.end(),
                                  [&](const WalStock::Range& range) { return range.timeline == timeline; });
  if (found == stock.ranges.end() || from < found->first || from > found->last) return from;
  return to > found->last ? std::optional(found->last + 1) : std::nullopt;
}

Position own_position(const Situation& s) {
  if (s.server != nullptr) return rules::local_position(s);
  return s.control != nullptr ? local_end(*s.control).position : Position{};
}

// Recovery begins at the checkpoint, and looks for histories from there on.
Timeline oldest_timeline(const Situation& s) {
  const auto position = own_position(s).timeline;
  return s.control != nullptr ? std::min(position, s.control->timeline) : position;
}

bool restores(const Situation& s) {
  return s.o.postgres.restores || (s.standby_leads && remote_upstream(s).recovery.contains("restore_command"));
}

// Some of the histories are here and the newest is not: a start would take another one for the target of recovery.
bool misleads(const Situation& s, const UpstreamHistory& theirs) {
  const auto& missing = theirs.stream.not_here;
  const auto since = oldest_timeline(s);
  if (missing.empty() || missing.back() != theirs.timeline || theirs.timeline <= since) return false;
  const auto ahead = std::count_if(missing.begin(), missing.end(), [&](Timeline timeline) { return timeline > since; });
  return static_cast<std::uint32_t>(ahead) < theirs.timeline.value - since.value;
}

std::vector<Upstream> other_members(const Situation& s) {
  std::vector<Upstream> others;
  for (const auto& member : s.view->members) {
    const auto address = parse_conn_url(member.conn_url);
    const bool asked = member.name == s.o.self.name || member.name == s.leader_name;
    if (asked || member.state != PgState::running || !address) continue;
    others.push_back({.name = member.name, .address = *address, .slot = {}});
  }
  return others;
}

}  // namespace

std::string missing_wal_file(Position position, Timeline timeline, const History& history, const WalStock& stock) {
  if (stock.segment_size == 0) return {};
  const auto segment = [&](Lsn lsn) { return lsn.value / stock.segment_size; };
  auto line = std::find_if(history.begin(), history.end(),
                           [&](const HistoryLine& candidate) { return candidate.timeline == position.timeline; });
  if (line == history.end() && position.timeline != timeline) return {};
  Lsn from = position.lsn;
  for (; line != history.end(); ++line) {
    if (from >= line->switch_lsn) continue;
    const auto next = std::next(line) == history.end() ? timeline : std::next(line)->timeline;
    // The segment in which a timeline was left is sent from the file of the next one.
    const auto last = segment(line->switch_lsn);
    if (segment(from) < last) {
      const auto missing = first_missing(stock, line->timeline, segment(from), last - 1);
      if (missing) return wal_file(line->timeline, *missing, stock.segment_size);
    }
    if (first_missing(stock, next, last, last)) return wal_file(next, last, stock.segment_size);
    from = line->switch_lsn;
  }
  // How far it goes on this timeline is a moment old: only what was removed is missing.
  const auto newest = std::find_if(stock.ranges.begin(), stock.ranges.end(),
                                   [&](const WalStock::Range& range) { return range.timeline == timeline; });
  const bool there = newest != stock.ranges.end() && segment(from) >= newest->first;
  return there ? std::string() : wal_file(timeline, segment(from), stock.segment_size);
}

const UpstreamHistory* last_history(const Situation& s) {
  const auto* history = s.o.upstream_history.get();
  if (history == nullptr) return nullptr;
  if (s.standby_leads) return history->source == remote_upstream(s).name ? history : nullptr;
  if (s.leader == nullptr || history->source != s.leader->name) return nullptr;
  return s.leader->timeline && history->timeline < *s.leader->timeline ? nullptr : history;
}

action::GatherUpstreamHistory ask_history(const Situation& s) {
  action::GatherUpstreamHistory question;
  question.source = leader_upstream(s);
  question.via = wanted_upstream(s);
  question.since = oldest_timeline(s);
  return question;
}

action::GatherUpstreamHistory ask_remote(const Situation& s) {
  action::GatherUpstreamHistory question;
  question.source = question.via = remote_upstream(s);
  question.since = oldest_timeline(s);
  return question;
}

std::optional<action::FetchHistories> fetch_histories(const Situation& s) {
  const auto* theirs = leader_history(s);
  if (theirs == nullptr) return std::nullopt;
  // It has not been promoted yet: its history is not the one to go by.
  if (theirs->in_recovery && theirs->timeline < own_position(s).timeline) return std::nullopt;
  action::FetchHistories fetch;
  fetch.source = leader_upstream(s);
  fetch.newest = theirs->timeline;
  // What an archive has of histories may be another branch's: then all of them must be here.
  const auto& stream = theirs->stream;
  const bool incomplete = restores(s) ? !stream.not_here.empty() : !stream.not_there.empty() || misleads(s, *theirs);
  if (incomplete) {
    fetch.timelines = stream.not_here;
    fetch.others = other_members(s);
  }
  const ArchiveLimit limit{theirs->timeline, theirs->history};
  const bool unlimited = restores(s) && s.o.postgres.archive_limit != limit;
  if (unlimited) fetch.limit = limit;
  if (!incomplete && !unlimited) return std::nullopt;
  return fetch;
}

bool has_everything(const Situation& s) {
  const Status& last = s.view->status.value;
  // The record of the shutdown begins there.
  return last.shut_down && s.server->timeline == last.timeline && s.server->wal_known && s.server->wal > last.optime;
}

void fetch_and_look_again(const Situation& s, Decision& d) {
  auto fetch = *fetch_histories(s);
  std::string files;
  for (const auto timeline : fetch.timelines) {
    files += fmt::format("{}{:08X}.history", files.empty() ? "" : ", ", timeline.value);
  }
  if (!files.empty()) {
    d.conditions.push_back({"HistoriesMissing", fmt::format("{} {} not here, and a WAL receiver cannot do without; {} "
                                                            "fetched from the other members, or left empty",
                                                            files, fetch.timelines.size() == 1 ? "is" : "are",
                                                            fetch.timelines.size() == 1 ? "it is" : "they are")});
  }
  d.actions.emplace_back(std::move(fetch));
  d.actions.emplace_back(ask_history(s));
  d.wake_at = std::min(d.wake_at, s.o.now + std::chrono::seconds(1));
}

bool awaits_stream(const Situation& s) {
  return s.replica && s.other_leads && s.leader_usable && s.server->replication_state != "streaming";
}

bool awaits_stream_long(const Situation& s) {
  return awaits_stream(s) && s.m.stream_watch && s.o.now - s.m.stream_watch->since >= 2 * s.o.settings.loop_wait;
}

std::string missing_wal(const Situation& s) {
  const auto* theirs = last_history(s);
  if (theirs == nullptr || s.server == nullptr || !theirs->stream.wal) return {};
  // Before it asked for a stream it may still be replaying what lies here; and what was there before the stream ended
  // says nothing of what is there now.
  const auto asked = s.o.upstream_history.at();
  const bool fresh = s.m.stream_watch && asked >= s.m.stream_watch->since && s.o.now - asked <= stock_age_max;
  if (!s.server->received || !fresh) return {};
  return missing_wal_file({s.server->timeline, s.server->wal}, theirs->timeline, theirs->history, *theirs->stream.wal);
}

bool left_history(const Situation& s) {
  const auto* theirs = last_history(s);
  return theirs != nullptr && awaits_stream(s) && s.server->timeline < theirs->timeline &&
         lineage(rules::local_position(s), true, theirs->timeline, theirs->wal, theirs->history) == Lineage::diverged;
}

}  // namespace regent
