#include "base/result.h"

namespace regent {

const char* to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::invalid:
      return "invalid";
    case ErrorKind::timeout:
      return "timeout";
    case ErrorKind::unreachable:
      return "unreachable";
    case ErrorKind::refused:
      return "refused";
    case ErrorKind::conflict:
      return "conflict";
    case ErrorKind::not_found:
      return "not found";
    case ErrorKind::cancelled:
      return "cancelled";
    case ErrorKind::not_begun:
      return "not begun";
    case ErrorKind::failed:
      return "failed";
  }
  return "failed";
}

}  // namespace regent
