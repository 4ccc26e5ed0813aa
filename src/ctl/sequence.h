// How two sequences compare, by the method of Python's difflib: edit-config's differences and "Did you mean" look as
// people know them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace regent::ctl {

struct Match {
  std::size_t a = 0, b = 0, size = 0;
};

// Runs that both have, in order, the longest first chosen.
std::vector<Match> matching_blocks(const std::vector<std::string>& a, const std::vector<std::string>& b);

// Differences in the unified format with three lines of context and empty file names; empty when there are none.
std::string unified_diff(const std::string& before, const std::string& after);

// The words that resemble `word` enough, the closest first, at most three.
std::vector<std::string> close_matches(std::string_view word, const std::vector<std::string>& words);

}  // namespace regent::ctl
