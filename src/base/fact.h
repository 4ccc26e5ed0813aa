// A fact as decisions see it: known with the moment it was true, or unknown with the reason. Unknown is never "no"
// (F17, F44, F53, F58).
#pragma once

#include <cassert>
#include <optional>
#include <string>
#include <utility>

#include "base/time.h"

namespace regent {

template <class T>
class Fact {
 public:
  // Unknown, nobody looked yet.
  Fact() : why_("not observed yet") {}

  static Fact known(T value, Instant at) {
    Fact fact;
    fact.value_ = std::move(value);
    fact.at_ = at;
    fact.why_.clear();
    return fact;
  }
  static Fact unknown(std::string why, Instant at = {}) {
    Fact fact;
    fact.why_ = std::move(why);
    fact.at_ = at;
    return fact;
  }

  bool is_known() const { return value_.has_value(); }
  const T& value() const {
    assert(value_.has_value());
    return *value_;
  }
  const T& operator*() const { return value(); }
  const T* operator->() const { return &value(); }
  const T* get() const { return value_ ? &*value_ : nullptr; }

  // When the value was true at the latest (known), or when we failed to learn it (unknown).
  Instant at() const { return at_; }
  Duration age(Instant now) const { return now - at_; }
  // Empty when known.
  const std::string& why() const { return why_; }

  // Three-valued questions read better than is_known() && ==.
  bool is(const T& value) const { return value_ && *value_ == value; }
  bool is_not(const T& value) const { return value_ && !(*value_ == value); }

 private:
  std::optional<T> value_;
  Instant at_{};
  std::string why_;
};

}  // namespace regent
