// The one coroutine type of ports and agent. All ports are used on the control loop's thread only.
#pragma once

#include <boost/asio/awaitable.hpp>

namespace regent {

template <class T>
using Task = boost::asio::awaitable<T>;

}  // namespace regent
