// Expected failures are values.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace regent {

// What kind of failure, where the caller acts differently on it.
enum class ErrorKind {
  invalid,      // the input is wrong: the message names the file, key or address and the remedy
  timeout,      // the deadline passed; the effect is unknown
  unreachable,  // no answer, or the connection was refused; nothing is known about the other side
  refused,      // the other side answered and said no (authentication, permission)
  conflict,     // a compare-and-swap lost (I11)
  not_found,    // the thing does not exist, known for sure
  cancelled,    // we gave up on purpose
  not_begun,    // what it needs was not there: nothing was changed, and trying again costs nothing
  failed,       // anything else
};

const char* to_string(ErrorKind kind);

struct Error {
  ErrorKind kind = ErrorKind::failed;
  std::string message;  // one clear sentence for a person, no trailing full stop
  // Of a conflict over the leader key: the member that has it; empty: nobody has, or it is not known.
  std::string holder{};
};

template <class T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(ErrorKind kind, std::string message) {
  return tl::unexpected<Error>(Error{kind, std::move(message)});
}

}  // namespace regent
