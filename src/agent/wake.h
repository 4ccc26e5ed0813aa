// How the parts of the agent wake the control loop. Threading: the control loop's thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/experimental/as_tuple.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/error_code.hpp>

#include "ports/task.h"

namespace regent {

class Bell;

// Lives as long as the agent's state; rings the bell of the running loop, if there is one.
class Wake {
 public:
  void ring();
  // Whether it rang since the last mute().
  bool rung() const { return rung_; }
  // For whoever runs inside the loop's own coroutine: returns when it rang since the last mute().
  Task<void> wait();
  void mute();

 private:
  friend class Bell;
  bool rung_ = false;
  Bell* bell_ = nullptr;
};

// Lives in the frame of the control loop, because it belongs to the io_context: the agent itself may outlive that
// (crash injection destroys them in either order).
class Bell {
 public:
  Bell(boost::asio::any_io_executor executor, Wake& wake) : wake_(wake), channel_(std::move(executor), 1) {
    wake_.bell_ = this;
    if (wake_.rung_) ring();
  }
  ~Bell() { wake_.bell_ = nullptr; }
  Bell(const Bell&) = delete;
  Bell& operator=(const Bell&) = delete;

  void ring() { channel_.try_send(boost::system::error_code{}); }
  // Forgets rings whose cause has been seen.
  void mute() {
    wake_.rung_ = false;
    channel_.try_receive([](boost::system::error_code) {});
  }
  // Returns when it rang since the last mute(), or when cancelled.
  Task<void> wait() {
    co_await channel_.async_receive(boost::asio::experimental::as_tuple(boost::asio::use_awaitable));
  }

 private:
  Wake& wake_;
  boost::asio::experimental::channel<void(boost::system::error_code)> channel_;
};

inline Task<void> Wake::wait() {
  return bell_->wait();
}

inline void Wake::mute() {
  bell_->mute();
}

inline void Wake::ring() {
  rung_ = true;
  if (bell_ != nullptr) bell_->ring();
}

}  // namespace regent
