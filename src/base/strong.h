// Strong types for the words of the domain that would otherwise all be std::string.
// Threading: values. Errors: none; validation belongs to whoever reads the value from outside.
#pragma once

#include <compare>
#include <string>
#include <utility>

namespace regent {

// A named string. Tag only tells the types apart.
template <class Tag>
class StrongString {
 public:
  StrongString() = default;
  explicit StrongString(std::string value) : value_(std::move(value)) {}

  const std::string& str() const { return value_; }
  bool empty() const { return value_.empty(); }

  friend auto operator<=>(const StrongString&, const StrongString&) = default;

 private:
  std::string value_;
};

// Name of a cluster member: the YAML key `name`, unique within a scope.
using MemberName = StrongString<struct MemberNameTag>;

// PostgreSQL's database system identifier, decimal text as it stands in the `initialize` key (I9).
using SystemId = StrongString<struct SystemIdTag>;

}  // namespace regent
