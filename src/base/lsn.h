// Positions in the write-ahead log.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace regent {

// A byte position in the write-ahead log. Positions of different timelines are comparable only when one history
// contains the other: compare ancestry first (core/timeline.h, I8).
struct Lsn {
  std::uint64_t value = 0;

  friend constexpr auto operator<=>(Lsn, Lsn) = default;
};

// Number of a timeline; 0 stands for "none".
struct Timeline {
  std::uint32_t value = 0;

  friend constexpr auto operator<=>(Timeline, Timeline) = default;
};

// Bytes from `from` to `to`; 0 when `to` is not ahead.
constexpr std::uint64_t bytes_between(Lsn from, Lsn to) {
  return to.value > from.value ? to.value - from.value : 0;
}

// "X/XXXXXXX", as PostgreSQL prints pg_lsn.
std::string to_string(Lsn lsn);

// Reads PostgreSQL's "X/X". nullopt when the text is anything else.
std::optional<Lsn> parse_lsn(std::string_view text);

}  // namespace regent
