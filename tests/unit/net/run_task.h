// Runs coroutines of a test to their end on an io_context of the test.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <optional>

#include "adapters/os/clock.h"
#include "ports/task.h"

namespace regent::testing {

// Fails the test when `task` does not end in time.
template <class T>
T run(boost::asio::io_context& io, Task<T> task, std::chrono::seconds limit = std::chrono::seconds(40)) {
  std::optional<T> result;
  std::exception_ptr thrown;
  bool ended = false;
  boost::asio::co_spawn(io, std::move(task), [&](std::exception_ptr error, T value) {
    thrown = error;
    result = std::move(value);
    ended = true;
  });
  const auto until = std::chrono::steady_clock::now() + limit;
  io.restart();
  while (!ended && std::chrono::steady_clock::now() < until) io.run_one_until(until);
  if (!ended) {
    // Its frame would refer to variables that are about to go.
    std::fprintf(stderr, "a coroutine did not end in time\n");
    std::abort();
  }
  if (thrown) std::rethrow_exception(thrown);
  return std::move(*result);
}

inline void run(boost::asio::io_context& io, Task<void> task, std::chrono::seconds limit = std::chrono::seconds(40)) {
  struct Wrap {
    static Task<bool> go(Task<void> inner) {
      co_await std::move(inner);
      co_return true;
    }
  };
  run(io, Wrap::go(std::move(task)), limit);
}

}  // namespace regent::testing
