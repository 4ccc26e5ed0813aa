// What an exception that ended a coroutine says, for people. Threading: any.
#pragma once

#include <exception>
#include <string>

namespace regent {

inline std::string text_of(const std::exception_ptr& problem) {
  try {
    std::rethrow_exception(problem);
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "an error that nobody knows";
  }
}

}  // namespace regent
