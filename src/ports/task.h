// The one coroutine type of ports and agent. All ports are used on the control loop's thread only.
//
// g++ 12 destroys twice what is made by braces, or by a lambda, inside the full expression of a co_await. Bind the task
// first: `auto step = f(Options{a, b}); co_await std::move(step);` (tools/check_coroutines.py).
#pragma once

#include <boost/asio/awaitable.hpp>

namespace regent {

template <class T>
using Task = boost::asio::awaitable<T>;

}  // namespace regent
