#include "ctl/sequence.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

namespace regent::ctl {
namespace {

using Items = std::vector<std::string>;

struct Range {
  std::size_t a_from, a_to, b_from, b_to;
};

Match longest_match(const Items& a, const Items& b, Range range) {
  Match best{range.a_from, range.b_from, 0};
  std::unordered_map<std::size_t, std::size_t> ending;  // at b's index: length of the common run that ends there
  for (std::size_t i = range.a_from; i < range.a_to; ++i) {
    std::unordered_map<std::size_t, std::size_t> next;
    for (std::size_t j = range.b_from; j < range.b_to; ++j) {
      if (a[i] != b[j]) continue;
      const auto before = j == 0 ? ending.end() : ending.find(j - 1);
      const std::size_t size = 1 + (before == ending.end() ? 0 : before->second);
      next[j] = size;
      if (size > best.size) best = {i + 1 - size, j + 1 - size, size};
    }
    ending = std::move(next);
  }
  return best;
}

enum class Kind { equal, changed };
struct Opcode {
  Kind kind;
  Range range;
};

std::vector<Opcode> opcodes(const Items& a, const Items& b) {
  std::vector<Opcode> out;
  std::size_t i = 0;
  std::size_t j = 0;
  auto blocks = matching_blocks(a, b);
  blocks.push_back({a.size(), b.size(), 0});
  for (const auto& block : blocks) {
    if (i < block.a || j < block.b) out.push_back({Kind::changed, {i, block.a, j, block.b}});
    if (block.size > 0) out.push_back({Kind::equal, {block.a, block.a + block.size, block.b, block.b + block.size}});
    i = block.a + block.size;
    j = block.b + block.size;
  }
  return out;
}

// Changes that are near each other share a hunk; each keeps up to `context` equal lines around it.
std::vector<std::vector<Opcode>> hunks(std::vector<Opcode> codes, std::size_t context) {
  if (!codes.empty() && codes.front().kind == Kind::equal) {
    auto& r = codes.front().range;
    r.a_from = r.a_to - std::min(context, r.a_to - r.a_from);
    r.b_from = r.b_to - std::min(context, r.b_to - r.b_from);
  }
  if (!codes.empty() && codes.back().kind == Kind::equal) {
    auto& r = codes.back().range;
    r.a_to = r.a_from + std::min(context, r.a_to - r.a_from);
    r.b_to = r.b_from + std::min(context, r.b_to - r.b_from);
  }
  std::vector<std::vector<Opcode>> out(1);
  for (auto code : codes) {
    if (code.kind == Kind::equal && code.range.a_to - code.range.a_from > 2 * context) {
      auto head = code;
      head.range.a_to = head.range.a_from + context;
      head.range.b_to = head.range.b_from + context;
      out.back().push_back(head);
      out.emplace_back();
      code.range.a_from = code.range.a_to - context;
      code.range.b_from = code.range.b_to - context;
    }
    out.back().push_back(code);
  }
  std::erase_if(out, [](const std::vector<Opcode>& hunk) {
    return std::none_of(hunk.begin(), hunk.end(), [](const Opcode& c) { return c.kind == Kind::changed; });
  });
  return out;
}

std::string hunk_range(std::size_t from, std::size_t to) {
  const std::size_t length = to - from;
  if (length == 1) return fmt::format("{}", from + 1);
  // An empty range names the line before it.
  return fmt::format("{},{}", length == 0 ? from : from + 1, length);
}

Items split_lines(const std::string& text) {
  Items lines;
  std::string line;
  for (const char c : text) {
    if (c != '\n') {
      line += c;
      continue;
    }
    lines.push_back(std::move(line));
    line.clear();
  }
  if (!line.empty()) lines.push_back(std::move(line));
  return lines;
}

Items letters(std::string_view word) {
  Items out;
  for (const char c : word) out.emplace_back(1, c);
  return out;
}

}  // namespace

std::vector<Match> matching_blocks(const Items& a, const Items& b) {
  std::vector<Range> open{{0, a.size(), 0, b.size()}};
  std::vector<Match> found;
  while (!open.empty()) {
    const Range range = open.back();
    open.pop_back();
    const Match best = longest_match(a, b, range);
    if (best.size == 0) continue;
    found.push_back(best);
    open.push_back({range.a_from, best.a, range.b_from, best.b});
    open.push_back({best.a + best.size, range.a_to, best.b + best.size, range.b_to});
  }
  std::sort(found.begin(), found.end(), [](const Match& x, const Match& y) { return x.a < y.a; });
  std::vector<Match> merged;
  for (const auto& match : found) {
    if (!merged.empty() && merged.back().a + merged.back().size == match.a &&
        merged.back().b + merged.back().size == match.b) {
      merged.back().size += match.size;
    } else {
      merged.push_back(match);
    }
  }
  return merged;
}

std::string unified_diff(const std::string& before, const std::string& after) {
  const Items a = split_lines(before);
  const Items b = split_lines(after);
  std::string out;
  for (const auto& hunk : hunks(opcodes(a, b), 3)) {
    if (out.empty()) out = "--- \n+++ \n";
    const Range& first = hunk.front().range;
    const Range& last = hunk.back().range;
    out += fmt::format("@@ -{} +{} @@\n", hunk_range(first.a_from, last.a_to), hunk_range(first.b_from, last.b_to));
    for (const auto& code : hunk) {
      const Range& r = code.range;
      const bool equal = code.kind == Kind::equal;
      for (auto i = r.a_from; i < r.a_to; ++i) out += (equal ? " " : "-") + a[i] + "\n";
      for (auto j = r.b_from; !equal && j < r.b_to; ++j) out += "+" + b[j] + "\n";
    }
  }
  return out;
}

std::vector<std::string> close_matches(std::string_view word, const std::vector<std::string>& words) {
  std::vector<std::pair<double, std::string>> scored;
  const Items wanted = letters(word);
  for (const auto& candidate : words) {
    std::size_t common = 0;
    for (const auto& match : matching_blocks(letters(candidate), wanted)) common += match.size;
    const double ratio = 2.0 * static_cast<double>(common) / static_cast<double>(candidate.size() + word.size());
    if (ratio >= 0.6) scored.emplace_back(ratio, candidate);
  }
  std::stable_sort(scored.begin(), scored.end(), [](const auto& x, const auto& y) { return x.first > y.first; });
  std::vector<std::string> out;
  for (const auto& [ratio, candidate] : scored) {
    if (out.size() < 3) out.push_back(candidate);
  }
  return out;
}

}  // namespace regent::ctl
