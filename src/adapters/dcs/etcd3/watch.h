// The watch stream: wakes the control loop, and proves nothing (F30).
//
// Threading: the control loop's thread; one waiter at a time. Errors: none; a stream that breaks is opened again where
// it ended, with growing pauses. One that died in silence is noticed by what reads find, and lives for a limited time.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "adapters/dcs/etcd3/gateway.h"
#include "adapters/os/clock.h"

namespace regent::etcd3 {

// Whether a decision may depend on this event; `path` is relative to the cluster's prefix. Status and the refreshing of
// member keys are not such: they would wake everybody all the time.
bool wakes(std::string_view path, const WatchEvent& event);

// A member's key without what every heartbeat changes. Followers wait for what the leader's says: that it runs, that
// others can be rewound from it.
std::string lasting_part(std::string_view member);

class Watch : public std::enable_shared_from_this<Watch> {
 public:
  Watch(boost::asio::any_io_executor executor, Clock& clock, std::shared_ptr<Gateway> gateway, std::string prefix);

  // A read brought everything up to the revision of its answer; the last change of a key that is there was at `newest`.
  // `leader` is the path of the leader's member key, empty if there is none or it is ours; `said` is what it says.
  void read(const Header& header, std::int64_t newest, std::string leader, std::string_view said);
  // Returns when something changed after the last read, or at `until`. The first call starts the stream.
  Task<void> changed(Instant until);
  // The stream's coroutine ends soon after this.
  void stop();
  Task<void> stopped(Instant deadline);

 private:
  enum class End { age, failure };

  static Task<void> run(std::shared_ptr<Watch> self);
  Task<End> follow(std::shared_ptr<HttpStream> stream, bool after_outage);
  bool handle(const WatchMessage& message);
  void look_at_leader();
  void suspect_silence(std::int64_t newest);
  bool has_news() const { return missed_ || changed_revision_ > read_revision_; }
  void wake();
  void start();

  boost::asio::any_io_executor executor_;
  Clock& clock_;
  std::shared_ptr<Gateway> gateway_;
  std::string prefix_;
  boost::asio::cancellation_signal cancel_;
  BootTimer woken_;
  BootTimer ended_;
  bool running_ = false;
  bool stopping_ = false;
  bool missed_ = false;  // something may have happened that no event told
  std::uint64_t cluster_id_ = 0;
  std::string leader_;       // path of the leader's member key at the last read
  std::string leader_said_;  // the lasting part of it
  // Members' keys that events told of after the last read. Who leads may be read only after such an event.
  std::map<std::string, std::pair<std::int64_t, std::string>, std::less<>> told_;
  std::int64_t read_revision_ = 0;  // of the last read
  std::int64_t position_ = 0;       // events up to here were delivered
  std::int64_t changed_revision_ = 0;
  Instant told_at_{};                   // when changed() last returned at once
  std::shared_ptr<HttpStream> stream_;  // while it is open
  Instant opened_at_{};                 // the last one
  std::optional<Instant> broken_at_;    // the last one that was open, or the first that could not be opened
  std::int64_t untold_ = 0;             // a change that a read found, and no event had told by then
  Instant untold_since_{};
};

}  // namespace regent::etcd3
