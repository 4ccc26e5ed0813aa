// Whose fault a failed connection is.
// Threading: a pure function. Errors: none.
#pragma once

#include <boost/system/error_code.hpp>

namespace regent {

// This machine has no descriptor, no memory, no address or no route, or forbids the connection itself: it says nothing
// about the other side.
inline bool is_own_error(const boost::system::error_code& error) {
  using namespace boost::system::errc;
  return error == too_many_files_open || error == too_many_files_open_in_system || error == not_enough_memory ||
         error == no_buffer_space || error == address_not_available || error == network_down ||
         error == network_unreachable || error == operation_not_permitted || error == permission_denied;
}

}  // namespace regent
