// Timeline history files, WAL that is still there, and an archive, in the model PostgreSQL.
#include <algorithm>

#include "sim/pg_server.h"

namespace regent::sim {

namespace {

bool has(const Disk& disk, Timeline timeline) {
  return timeline.value <= 1 || disk.histories.contains(timeline);
}

}  // namespace

bool PgServer::finds_its_way(const PgServer& source) const {
  for (Timeline next{timeline().value + 1}; next <= source.timeline(); ++next.value) {
    if (!has(disk_, next) && !has(source.disk_, next)) return false;
  }
  return disk_.chain.size() >= source.disk_.wal_from;
}

void PgServer::keep_histories(const PgServer& source) {
  for (Timeline next{timeline().value + 1}; next <= source.timeline(); ++next.value) {
    const auto theirs = source.disk_.histories.find(next);
    if (theirs != source.disk_.histories.end()) disk_.histories.insert(*theirs);
  }
}

StreamFacts PgServer::stream_facts(const PgServer& via, Timeline since, Timeline newest) const {
  StreamFacts facts;
  for (Timeline next{std::max(since.value + 1, 2U)}; next <= newest; ++next.value) {
    if (has(disk_, next) && (next != newest || disk_.histories.at(next))) continue;
    facts.not_here.push_back(next);
    if (!has(via.disk_, next)) facts.not_there.push_back(next);
  }
  // A segment of one byte each.
  WalStock stock;
  stock.segment_size = 1;
  const auto& chain = via.disk_.chain;
  for (std::size_t i = via.disk_.wal_from; i < chain.size(); ++i) {
    const Record& record = shared_.wal.at(chain[i]);
    const Timeline on = shared_.wal.fork_of(chain[i]).timeline;
    if (stock.ranges.empty() || stock.ranges.back().timeline != on) {
      stock.ranges.push_back({on, record.start.value, record.end.value});
    }
    stock.ranges.back().last = record.end.value;
  }
  if (stock.ranges.empty()) stock.ranges.push_back({via.timeline(), via.wal_end().value, via.wal_end().value});
  facts.wal = std::move(stock);
  return facts;
}

Result<UpstreamHistory> PgServer::history_of(const action::GatherUpstreamHistory& question) const {
  auto from = reach(question.source);
  if (!from) return tl::unexpected(from.error());
  const PgServer& server = **from;
  UpstreamHistory answer;
  answer.source = question.source.name;
  answer.in_recovery = server.in_recovery_;
  answer.timeline = server.timeline();
  answer.wal = server.wal_end();
  if (!server.disk_.chain.empty()) answer.history = shared_.wal.fork_of(server.disk_.last()).history;
  const Upstream& via = question.via.none() ? question.source : question.via;
  if (auto parent = reach(via)) answer.stream = stream_facts(**parent, question.since, answer.timeline);
  answer.stream.via = via.name;
  return answer;
}

Result<void> PgServer::fetch_histories(const action::FetchHistories& order) {
  if (auto usable = files_usable(); !usable) return usable;
  auto from = reach(order.source);
  if (!from) return tl::unexpected(from.error());
  if (disk_.state != DataState::valid) return fail(ErrorKind::failed, "there is no data");
  for (const Timeline wanted : order.timelines) {
    bool real = (*from)->disk_.histories.contains(wanted) && (*from)->disk_.histories.at(wanted);
    for (const auto& other : order.others) {
      const auto member = reach(other);
      real = real || (member && (*member)->disk_.histories.contains(wanted) && (*member)->disk_.histories.at(wanted));
    }
    disk_.histories[wanted] = disk_.histories[wanted] || real;
  }
  if (order.limit) disk_.archive_limit = order.limit;
  return {};
}

void PgServer::archive_wal() {
  if (process_ != Process::running || in_recovery_ || frozen_ || outside_) return;
  for (auto record = disk_.chain.rbegin(); record != disk_.chain.rend(); ++record) {
    auto& next = shared_.archived_wal[shared_.wal.at(*record).parent];
    if (std::find(next.begin(), next.end(), *record) != next.end()) return;
    next.push_back(*record);
  }
}

bool PgServer::may_restore(RecordId record) const {
  if (!disk_.archive_limit) return true;
  const ArchiveLimit& limit = *disk_.archive_limit;
  const Fork& fork = shared_.wal.fork_of(record);
  if (fork.timeline == limit.timeline) return fork.history == limit.history;
  return std::any_of(limit.history.begin(), limit.history.end(), [&](const HistoryLine& line) {
    return line.timeline == fork.timeline && shared_.wal.at(record).end <= line.switch_lsn;
  });
}

void PgServer::restore_wal() {
  if (!shared_.archive_feeds || shared_.archive_away || disk_.chain.empty() || replay_paused()) return;
  for (;;) {
    const auto found = shared_.archived_wal.find(disk_.last());
    if (found == shared_.archived_wal.end()) return;
    std::vector<RecordId> possible;
    std::copy_if(found->second.begin(), found->second.end(), std::back_inserter(possible),
                 [this](RecordId record) { return may_restore(record); });
    if (possible.empty()) return;
    // Without a history that says otherwise a timeline goes on.
    const auto fork = shared_.wal.at(disk_.last()).fork;
    const auto same = std::find_if(possible.begin(), possible.end(),
                                   [&](RecordId record) { return shared_.wal.at(record).fork == fork; });
    const RecordId next = same != possible.end() ? *same : possible.back();
    disk_.chain.push_back(next);
    disk_.newest_timeline = std::max(disk_.newest_timeline, timeline());
    if (timeline().value > 1) disk_.histories[timeline()] = true;
    if (listener() != nullptr) listener()->record_restored(*this, next);
  }
}

}  // namespace regent::sim
