#include "adapters/dcs/etcd3/watch.h"

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/exception.h"
#include "base/log.h"

namespace regent::etcd3 {

namespace asio = boost::asio;

namespace {

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

constexpr Duration stream_lifetime = std::chrono::minutes(5);
// What a read found is told by the stream before or soon after.
constexpr Duration telling_time = std::chrono::seconds(2);
constexpr Duration open_time = std::chrono::seconds(3);
constexpr Duration retell_after = std::chrono::seconds(1);
constexpr Duration first_pause = 100ms;
constexpr Duration longest_pause = std::chrono::seconds(2);
// While the stream is broken nobody is told of anything: the caller looks by itself, for so long after it broke.
constexpr Duration look_interval = std::chrono::seconds(1);
constexpr Duration look_time = std::chrono::seconds(30);

// It is started again with the next wait.
void log_failure(const std::exception_ptr& problem) {
  log::error("the watch of etcd failed, it will be started again: {}", text_of(problem));
}

}  // namespace

bool wakes(std::string_view path, const WatchEvent& event) {
  constexpr std::array<std::string_view, 7> keys = {"leader",     "failover", "config",  "sync",
                                                    "initialize", "history",  "failsafe"};
  if (std::find(keys.begin(), keys.end(), path) != keys.end()) return true;
  return path.starts_with("members/") && (event.erased || event.created());
}

std::string lasting_part(std::string_view member) {
  auto document = parse_json(std::string(member), "a member key");
  if (!document || !document->is_object()) return std::string(member);
  for (const char* passing : {"xlog_location", "receive_lsn", "replay_lsn", "progress"}) document->erase(passing);
  return document->dump();
}

Watch::Watch(asio::any_io_executor executor, Clock& clock, std::shared_ptr<Gateway> gateway, std::string prefix)
    : executor_(executor),
      clock_(clock),
      gateway_(std::move(gateway)),
      prefix_(std::move(prefix)),
      woken_(executor),
      ended_(executor, Instant::max()) {}

void Watch::read(const Header& header, std::int64_t newest, std::string leader, std::string_view said) {
  leader_ = std::move(leader);
  leader_said_ = leader_.empty() ? std::string() : lasting_part(said);
  const bool another_history = header.cluster_id != cluster_id_ || header.revision < read_revision_;
  read_revision_ = header.revision;
  if (!running_ || another_history) {
    // A store restored from a backup counts from an older number (F34): a stream that was opened since waits for one
    // that is far away.
    if (stream_ != nullptr) stream_->close();
    position_ = header.revision;
    changed_revision_ = 0;
    untold_ = 0;
    told_.clear();
  }
  cluster_id_ = header.cluster_id;
  suspect_silence(newest);
  missed_ = false;
  told_at_ = Instant{};
  std::erase_if(told_, [&](const auto& told) { return told.second.first <= read_revision_; });
  look_at_leader();
}

// A stream that is open and does not tell what a read found some time ago is dead (F30).
void Watch::suspect_silence(std::int64_t newest) {
  const Instant now = clock_.now();
  if (untold_ <= position_) {
    untold_ = newest;
    untold_since_ = now;
  } else if (stream_ != nullptr && now - untold_since_ > telling_time) {
    log::warning("the watch of etcd does not tell what changed; opening it again");
    stream_->close();
    untold_since_ = now;
  }
}

Task<void> Watch::changed(Instant until) {
  if (!running_ && !stopping_ && read_revision_ > 0) start();
  if (has_news()) {
    // A store that tells of changes and refuses to be read must not keep the caller spinning.
    const Instant now = clock_.now();
    if (now - told_at_ >= retell_after) {
      told_at_ = now;
      co_return;
    }
    until = std::min(until, told_at_ + retell_after);
  }
  const Instant now = clock_.now();
  if (stream_ == nullptr && broken_at_ && now - *broken_at_ < look_time) until = std::min(until, now + look_interval);
  woken_.expires_at(until);
  co_await woken_.async_wait(as_result);
}

void Watch::wake() {
  woken_.cancel();
}

void Watch::start() {
  running_ = true;
  const auto self = shared_from_this();
  asio::co_spawn(executor_, run(self), asio::bind_cancellation_slot(cancel_.slot(), [self](std::exception_ptr problem) {
                   if (problem && !self->stopping_) log_failure(problem);
                   self->stream_.reset();
                   self->running_ = false;
                   self->ended_.cancel();
                 }));
}

void Watch::stop() {
  stopping_ = true;
  wake();
  if (running_) cancel_.emit(asio::cancellation_type::terminal);
}

Task<void> Watch::stopped(Instant deadline) {
  if (!running_) co_return;
  ended_.expires_at(deadline);
  co_await ended_.async_wait(as_result);
}

Task<void> Watch::run(std::shared_ptr<Watch> self) {
  Duration pause = first_pause;
  bool outage = false;
  while (!self->stopping_) {
    const Instant discover_by = self->clock_.now() + open_time;
    co_await self->gateway_->discover(discover_by);
    const Instant open_by = self->clock_.now() + open_time;
    Json request = watch_prefix(self->prefix_, self->position_ + 1);
    auto opened = co_await self->gateway_->open("/watch", std::move(request), open_by);
    End end = End::failure;
    if (opened) {
      self->stream_ = *opened;
      self->opened_at_ = self->untold_since_ = self->clock_.now();
      end = co_await self->follow(*opened, outage);
      self->stream_.reset();
    }
    if (end == End::age) {
      pause = first_pause;
      outage = false;
      self->broken_at_.reset();
      continue;
    }
    const Instant broke = self->clock_.now();
    if (!self->broken_at_ || opened) self->broken_at_ = broke;
    if (opened) {
      // One that had lived is not the next failure of a row.
      if (broke - self->opened_at_ > longest_pause) pause = first_pause;
      self->gateway_->stream_failed();
    } else {
      outage = true;
      log::debug("cannot watch etcd: {}", opened.error().message);
    }
    const Instant again = self->clock_.now() + pause;
    co_await self->clock_.sleep_until(again);
    pause = std::min(pause * 2, longest_pause);
  }
}

Task<Watch::End> Watch::follow(std::shared_ptr<HttpStream> stream, bool after_outage) {
  const Instant old_at = clock_.now() + stream_lifetime;
  Lines lines;
  while (!stopping_) {
    auto piece = co_await stream->next(old_at);
    if (!piece) co_return piece.error().kind == ErrorKind::timeout ? End::age : End::failure;
    if (piece->empty()) co_return End::failure;
    lines.add(*piece);
    while (auto line = lines.next()) {
      auto document = parse_json(*line, "a watch message of etcd");
      if (!document) co_return End::failure;
      const auto message = read_watch(*document);
      if (!message || !handle(*message)) co_return End::failure;
      if (after_outage) {
        // The store is back: nobody should sleep on.
        after_outage = false;
        missed_ = true;
        wake();
      }
    }
  }
  co_return End::age;
}

void Watch::look_at_leader() {
  const auto told = told_.find(leader_);
  if (told == told_.end() || lasting_part(told->second.second) == leader_said_) return;
  changed_revision_ = std::max(changed_revision_, told->second.first);
}

// False: the stream is over.
bool Watch::handle(const WatchMessage& message) {
  if (const auto accepted = gateway_->accept(message.header); !accepted) {
    log::warning("watching etcd: {}", accepted.error().message);
    return false;
  }
  if (message.canceled) {
    gateway_->stream_refused(message.cancel_reason);
    if (message.compact_revision > position_) {
      // What happened up to there is lost to us.
      position_ = message.compact_revision - 1;
      missed_ = true;
      wake();
    }
    return false;
  }
  for (const WatchEvent& event : message.events) {
    position_ = std::max(position_, event.kv.mod_revision);
    if (!event.kv.key.starts_with(prefix_)) continue;
    const auto path = std::string_view(event.kv.key).substr(prefix_.size());
    if (wakes(path, event)) {
      changed_revision_ = std::max(changed_revision_, event.kv.mod_revision);
    } else if (path.starts_with("members/")) {
      told_.insert_or_assign(std::string(path), std::pair(event.kv.mod_revision, event.kv.value));
      if (path == leader_) look_at_leader();
    }
    if (has_news()) wake();
  }
  return true;
}

}  // namespace regent::etcd3
