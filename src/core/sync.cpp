#include "core/sync.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

namespace regent {
namespace {

char lower(char c) {
  return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

bool same_word(std::string_view one, std::string_view other) {
  return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                    [](char a, char b) { return lower(a) == lower(b); });
}

bool starts_identifier(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_';
}
bool continues_identifier(char c) {
  return starts_identifier(c) || std::isdigit(static_cast<unsigned char>(c)) != 0 || c == '$';
}

// The words of the setting's grammar stand for themselves only in quotes.
std::string quoted(const std::string& name) {
  const bool plain = !name.empty() && starts_identifier(name.front()) &&
                     std::all_of(name.begin(), name.end(), continues_identifier) && !same_word(name, "any") &&
                     !same_word(name, "first");
  if (plain || name == "*") return name;
  std::string out = "\"";
  for (const char c : name) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

// Splits the setting into words, numbers, names and punctuation.
class Scanner {
 public:
  struct Token {
    enum class Kind { end, word, number, name, sign, wrong };
    Kind kind = Kind::end;
    std::string text;
  };

  explicit Scanner(std::string_view text) : text_(text) { step(); }

  const Token& now() const { return token_; }
  Token take() {
    Token taken = token_;
    step();
    return taken;
  }
  bool take_sign(char sign) {
    if (token_.kind != Token::Kind::sign || token_.text.front() != sign) return false;
    step();
    return true;
  }

 private:
  void step() {
    while (!text_.empty() && std::isspace(static_cast<unsigned char>(text_.front())) != 0) text_.remove_prefix(1);
    token_ = Token{};
    if (text_.empty()) return;
    const char first = text_.front();
    if (first == '"') return quoted_name();
    if (first == '(' || first == ')' || first == ',' || first == '*') {
      token_ = {Token::Kind::sign, std::string(1, first)};
      text_.remove_prefix(1);
      return;
    }
    const auto end = std::find_if_not(text_.begin(), text_.end(), [](char c) {
      return continues_identifier(c) || static_cast<unsigned char>(c) >= 0x80;
    });
    token_.text = std::string(text_.begin(), end);
    text_.remove_prefix(token_.text.size());
    if (token_.text.empty()) {
      token_.kind = Token::Kind::wrong;
    } else if (std::isdigit(static_cast<unsigned char>(first)) != 0) {
      const bool digits = std::all_of(token_.text.begin(), token_.text.end(),
                                      [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; });
      token_.kind = digits ? Token::Kind::number : Token::Kind::wrong;
    } else {
      token_.kind = Token::Kind::word;
    }
  }
  void quoted_name() {
    text_.remove_prefix(1);
    token_.kind = Token::Kind::name;
    while (!text_.empty()) {
      const char c = text_.front();
      text_.remove_prefix(1);
      if (c != '"') {
        token_.text += c;
      } else if (!text_.empty() && text_.front() == '"') {
        token_.text += c;
        text_.remove_prefix(1);
      } else {
        return;
      }
    }
    token_.kind = Token::Kind::wrong;
  }

  std::string_view text_;
  Token token_;
};

using Token = Scanner::Token;

// Names, separated by commas.
bool scan_names(Scanner& in, NameSet& names) {
  do {
    if (in.take_sign('*')) {
      names.insert("*");
      continue;
    }
    const Token token = in.take();
    const bool name =
        token.kind == Token::Kind::word || token.kind == Token::Kind::name || token.kind == Token::Kind::number;
    if (!name || token.text.empty()) return false;
    names.insert(token.text);
  } while (in.take_sign(','));
  return true;
}

// `2 (a,b)` with or without a word before it. The number decides whether it is that, or a list that begins with a name.
std::optional<SyncNames> scan_counted(Scanner in, SyncNames::Kind kind) {
  SyncNames out{kind, 0, {}};
  const Token number = in.take();
  if (number.kind != Token::Kind::number) return std::nullopt;
  std::from_chars(number.text.data(), number.text.data() + number.text.size(), out.needed);
  if (!in.take_sign('(') || !scan_names(in, out.names) || !in.take_sign(')')) return std::nullopt;
  if (in.now().kind != Token::Kind::end || out.needed == 0) return std::nullopt;
  return out;
}

std::string joined(const NameSet& names) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "" : ",") + quoted(name);
  return out;
}

std::size_t outside(const NameSet& some, const NameSet& of) {
  return static_cast<std::size_t>(
      std::count_if(some.begin(), some.end(), [&](const auto& name) { return !of.contains(name); }));
}

NameSet both(const NameSet& one, const NameSet& other) {
  NameSet out;
  for (const auto& name : one) {
    if (other.contains(name)) out.insert(name);
  }
  return out;
}

NameSet either(NameSet one, const NameSet& other) {
  one.insert(other.begin(), other.end());
  return one;
}

// Every set that can elect under `to` holds one that could under `from`: nothing can go wrong that could not before.
bool narrows(const Electable& from, const Electable& to) {
  if (to.nobody()) return true;
  return to.quorum >= from.quorum + outside(to.voters, from.voters);
}

// Whether everything acknowledged so far is safe under `to`: every set that elects holds a standby that has it all, or
// could have elected already.
bool keeps_the_past(const Electable& from, const Electable& to, const NameSet& ready) {
  if (narrows(from, to)) return true;
  NameSet behind;
  for (const auto& voter : to.voters) {
    if (!ready.contains(voter)) behind.insert(voter);
  }
  if (behind.size() <= to.quorum) return true;
  return !from.nobody() && to.quorum >= from.quorum + outside(behind, from.voters);
}

bool may_publish(const SyncPicture& picture, const Electable& from, const Electable& to) {
  if (narrows(from, to)) return true;
  return overlap(picture.effective, to) && keeps_the_past(from, to, picture.ready);
}

SyncStep publish(const SyncPicture& picture, const Electable& to) {
  return sync_step::Publish{sync_state(picture.me, to)};
}

// The names in effect are not the wanted ones.
SyncStep change_names(const SyncPicture& picture, const Electable& now, const SyncNames& target) {
  if (overlap(target, now)) {
    if (tightens(picture.effective, target) || picture.fenced) {
      return sync_step::SetNames{print_sync_names(target)};
    }
    // A write of ours that is still on its way may let somebody be elected whom commits are about to be no longer
    // waited for: after this one it cannot take effect any more.
    return publish(picture, now);
  }
  const Electable goal = wanted_electable(picture);
  // Fewer may elect before fewer are waited for.
  const Electable joint{either(now.voters, target.names), now.quorum + outside(target.names, now.voters)};
  const Electable common{both(now.voters, target.names), now.quorum};
  for (const auto& next : {goal, common, joint}) {
    const bool usable = next != now && !next.voters.contains("*") && overlap(target, next);
    if (usable && may_publish(picture, now, next)) return publish(picture, next);
  }
  return publish(picture, Electable{});
}

SyncStep change_electable(const SyncPicture& picture, const Electable& now) {
  const Electable goal = wanted_electable(picture);
  if (now == goal) return sync_step::Nothing{};
  if (may_publish(picture, now, goal)) return publish(picture, goal);
  // Where all names have to confirm, each of them counts as soon as it has caught up.
  if (picture.effective.needed >= picture.effective.names.size()) {
    const Electable part{both(goal.voters, either(now.nobody() ? NameSet{} : now.voters, picture.ready)), 0};
    if (part != now && may_publish(picture, now, part)) return publish(picture, part);
  }
  return sync_step::Wait{};
}

SyncStep leave_sync(const SyncPicture& picture) {
  if (picture.published) return sync_step::Unpublish{};
  if (picture.file) return sync_step::SetNames{std::nullopt};
  return sync_step::Nothing{};
}

}  // namespace

bool NameLess::operator()(const std::string& one, const std::string& other) const {
  return std::lexicographical_compare(one.begin(), one.end(), other.begin(), other.end(),
                                      [](char a, char b) { return lower(a) < lower(b); });
}

std::string print_sync_names(const SyncNames& names) {
  if (names.kind == SyncNames::Kind::nobody) return {};
  const auto list = joined(names.names);
  if (names.kind == SyncNames::Kind::quorum) return fmt::format("ANY {} ({})", names.needed, list);
  if (names.needed == 1 && names.names.size() == 1) return list;
  return fmt::format("{} ({})", names.needed, list);
}

std::optional<SyncNames> parse_sync_names(std::string_view text) {
  Scanner in(text);
  if (in.now().kind == Token::Kind::end) return SyncNames{};
  if (in.now().kind == Token::Kind::word) {
    const bool any = same_word(in.now().text, "any");
    if (any || same_word(in.now().text, "first")) {
      Scanner rest = in;
      rest.take();
      return scan_counted(rest, any ? SyncNames::Kind::quorum : SyncNames::Kind::priority);
    }
  }
  if (auto counted = scan_counted(in, SyncNames::Kind::priority)) return counted;
  SyncNames out{SyncNames::Kind::priority, 1, {}};
  if (!scan_names(in, out.names) || in.now().kind != Token::Kind::end) return std::nullopt;
  return out;
}

Electable electable(const SyncState& sync) {
  Electable out;
  for (const auto& name : sync.standbys) out.voters.insert(name.str());
  out.quorum = static_cast<std::size_t>(std::max(0, sync.quorum.value_or(0)));
  return out;
}

SyncState sync_state(const MemberName& leader, const Electable& electable) {
  SyncState out;
  out.leader = leader;
  for (const auto& name : electable.voters) out.standbys.emplace_back(name);
  out.quorum = static_cast<int>(electable.quorum);
  return out;
}

Electable succeed(const SyncState& sync, const MemberName& me) {
  if (!sync.names(me)) return {};
  Electable out = electable(sync);
  if (out.nobody() || same_name(sync.leader, me)) return out;
  out.voters.erase(me.str());
  out.voters.insert(sync.leader.str());
  return out;
}

SyncNames names_for(const Electable& electable, SyncMode mode) {
  if (electable.nobody()) return {};
  const auto kind = mode == SyncMode::quorum ? SyncNames::Kind::quorum : SyncNames::Kind::priority;
  return {kind, electable.voters.size() - electable.quorum, electable.voters};
}

bool overlap(const SyncNames& names, const Electable& electable) {
  if (electable.nobody()) return true;
  if (names.kind == SyncNames::Kind::nobody || names.anybody()) return false;
  return names.needed + electable.quorum + 1 > names.names.size() + outside(electable.voters, names.names);
}

bool tightens(const SyncNames& from, const SyncNames& to) {
  if (from.kind == SyncNames::Kind::nobody) return true;
  if (to.kind == SyncNames::Kind::nobody) return false;
  if (from.anybody()) return to.needed >= from.needed;
  if (to.anybody()) return false;
  return to.needed >= from.needed + outside(to.names, from.names);
}

SyncNames wanted_names(const SyncPicture& picture) {
  const auto kind = picture.mode == SyncMode::quorum ? SyncNames::Kind::quorum : SyncNames::Kind::priority;
  if (!picture.wanted.empty()) {
    const auto all = picture.wanted.size();
    return {kind, picture.mode == SyncMode::quorum ? std::min(picture.count, all) : all, picture.wanted};
  }
  return picture.strict ? SyncNames{kind, 1, {"*"}} : SyncNames{};
}

Electable wanted_electable(const SyncPicture& picture) {
  const auto names = wanted_names(picture);
  if (picture.wanted.empty()) return {};
  return {picture.wanted, names.names.size() - names.needed};
}

SyncNames first_names(const SyncPicture& picture) {
  const auto heirs = succeed(picture.state, picture.me);
  return heirs.nobody() ? wanted_names(picture) : names_for(heirs, picture.mode);
}

SyncStep next_sync_step(const SyncPicture& picture) {
  if (picture.mode == SyncMode::off) return leave_sync(picture);
  const bool mine = picture.published && same_name(picture.state.leader, picture.me);
  if (!mine) return publish(picture, Electable{});
  const Electable now = electable(picture.state);
  // Something else took the setting away, or somebody else wrote the key: first of all nobody may be elected on it.
  if (!overlap(picture.effective, now)) return publish(picture, Electable{});
  const SyncNames target = wanted_names(picture);
  if (picture.expects && !now.nobody() && picture.wanted.empty()) return sync_step::Wait{};
  if (picture.file && picture.effective_text && *picture.file != *picture.effective_text) {
    // A change whose outcome is not known would take effect with the next restart.
    const bool ahead = overlap(target, now) && (picture.fenced || tightens(picture.effective, target));
    return sync_step::SetNames{ahead ? print_sync_names(target) : *picture.effective_text};
  }
  if (picture.effective != target || !picture.file) return change_names(picture, now, target);
  return change_electable(picture, now);
}

SyncStep next_step_to_promotion(const SyncPicture& picture) {
  if (picture.mode == SyncMode::off) return leave_sync(picture);
  const bool mine = picture.published && same_name(picture.state.leader, picture.me);
  if (!mine) return publish(picture, succeed(picture.state, picture.me));
  const Electable now = electable(picture.state);
  // It goes on where it left off: who may be elected is waited for.
  const bool settled = !picture.file || picture.file == picture.effective_text;
  const bool fits = !now.nobody() && settled && overlap(picture.effective, now);
  const SyncNames names = first_names(picture);
  if (!fits && (picture.effective != names || picture.file != print_sync_names(names))) {
    return sync_step::SetNames{print_sync_names(names)};
  }
  if (picture.effective.kind != SyncNames::Kind::nobody && !picture.noticed) return sync_step::Wait{};
  return sync_step::Nothing{};
}

}  // namespace regent
