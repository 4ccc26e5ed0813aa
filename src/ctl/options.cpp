#include "ctl/options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "ctl/sequence.h"

namespace regent::ctl {
namespace {

constexpr std::size_t screen_width = 78;
constexpr std::size_t longest_first_column = 30;

std::vector<std::string> split_words(const std::string& text) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : text + " ") {
    if (c != ' ') {
      word += c;
    } else if (!word.empty()) {
      words.push_back(std::move(word));
      word.clear();
    }
  }
  return words;
}

std::string wrap(const std::string& text, std::size_t width, const std::string& indent) {
  std::string out;
  std::size_t column = 0;
  for (const auto& word : split_words(text)) {
    if (column > 0 && column + 1 + word.size() > width) {
      out += "\n" + indent;
      column = 0;
    }
    if (column > 0) out += ' ';
    out += word;
    column += (column > 0 ? 1 : 0) + word.size();
  }
  return out;
}

std::string quoted(const std::vector<std::string>& words, std::string_view separator) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : std::string(separator)) + "'" + word + "'";
  return out;
}

template <class T>
bool is_number(const std::string& text) {
  T value{};
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && stop == text.data() + text.size();
}

std::string hint(const Option& option) {
  auto names = option.spellings();
  if (!option.short_first) std::reverse(names.begin(), names.end());
  return quoted(names, " / ");
}

// What is wrong with a value; empty: nothing.
std::string complaint(const Option& option, const std::string& value) {
  switch (option.kind) {
    case Option::Kind::integer:
      return is_number<int>(value) ? "" : fmt::format("'{}' is not a valid integer.", value);
    case Option::Kind::real:
      return is_number<double>(value) ? "" : fmt::format("'{}' is not a valid float.", value);
    case Option::Kind::choice:
      if (std::find(option.choices.begin(), option.choices.end(), value) != option.choices.end()) return "";
      return fmt::format("'{}' is not one of {}.", value, quoted(option.choices, ", "));
    case Option::Kind::flag:
    case Option::Kind::text:
      return "";
  }
  return "";
}

class Parser {
 public:
  Parser(const CommandLine& line, const std::vector<std::string>& words) : line_(line), words_(words) {}

  Status scan(bool until_word) {
    while (at_ < words_.size()) {
      const std::string& word = words_[at_];
      if (word == "--") {
        free_.insert(free_.end(), words_.begin() + static_cast<std::ptrdiff_t>(at_) + 1, words_.end());
        at_ = words_.size();
        break;
      }
      if (word.size() < 2 || word[0] != '-') {
        if (until_word) break;
        free_.push_back(word);
        ++at_;
        continue;
      }
      ++at_;
      if (const auto done = word[1] == '-' ? long_option(word) : short_options(word); !done) return done;
    }
    return {};
  }

  // Values are judged after the whole line was read, so that --help wins over a wrong value.
  Status check_values() {
    for (const auto& [option, value] : given_) {
      if (const auto wrong = complaint(*option, value); !wrong.empty()) {
        return usage_error(line_, fmt::format("Invalid value for {}: {}", hint(*option), wrong));
      }
    }
    return {};
  }

  Status assign_positionals() {
    std::size_t left = free_.size();
    std::size_t at = 0;
    for (std::size_t i = 0; i < line_.arguments.size(); ++i) {
      const Argument& argument = line_.arguments[i];
      const std::size_t after =
          static_cast<std::size_t>(std::count_if(line_.arguments.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                                                 line_.arguments.end(), [](const Argument& a) { return !a.many; }));
      const std::size_t take = argument.many ? left - std::min(left, after) : std::min<std::size_t>(left, 1);
      if (take == 0 && argument.required) return missing(argument);
      std::vector<std::string> values(free_.begin() + static_cast<std::ptrdiff_t>(at),
                                      free_.begin() + static_cast<std::ptrdiff_t>(at + take));
      at += take;
      left -= take;
      if (!argument.choices.empty()) {
        const Option as_option{argument.display(), "", "", Option::Kind::choice, argument.choices};
        const auto wrong = complaint(as_option, values.front());
        if (!wrong.empty()) {
          return usage_error(line_, fmt::format("Invalid value for '{}': {}", argument.display(), wrong));
        }
      }
      result_.set_positional(argument.name, std::move(values));
    }
    if (left == 0) return {};
    const std::vector<std::string> extra(free_.begin() + static_cast<std::ptrdiff_t>(at), free_.end());
    return usage_error(
        line_, fmt::format("Got unexpected extra argument{} ({})", left == 1 ? "" : "s", fmt::join(extra, " ")));
  }

  Arguments take() { return std::move(result_); }
  bool wants_help() const { return result_.has("help"); }
  std::vector<std::string> remaining() const {
    return {words_.begin() + static_cast<std::ptrdiff_t>(at_), words_.end()};
  }

 private:
  const Option* find_option(const std::string& name) const {
    for (const auto& option : line_.options) {
      const auto names = option.spellings();
      if (std::find(names.begin(), names.end(), name) != names.end()) return &option;
    }
    return nullptr;
  }

  void give(const Option& option, std::string value) {
    given_.emplace_back(&option, value);
    result_.add_option(option.key(), std::move(value));
  }

  Status next_value(const Option& option, const std::string& name) {
    if (at_ >= words_.size()) {
      return tl::unexpected<Stop>(Stop{2, fmt::format("Error: Option '{}' requires an argument.\n", name)});
    }
    give(option, words_[at_++]);
    return {};
  }

  Status long_option(const std::string& word) {
    const auto equals = word.find('=');
    const std::string name = word.substr(0, equals);
    const Option* option = find_option(name);
    if (option == nullptr) return unknown(name);
    if (option->kind == Option::Kind::flag) {
      if (equals != std::string::npos) {
        return tl::unexpected<Stop>(Stop{2, fmt::format("Error: Option '{}' does not take a value.\n", name)});
      }
      give(*option, "");
      return {};
    }
    if (equals == std::string::npos) return next_value(*option, name);
    give(*option, word.substr(equals + 1));
    return {};
  }

  Status short_options(const std::string& word) {
    for (std::size_t i = 1; i < word.size(); ++i) {
      const std::string name = std::string("-") + word[i];
      const Option* option = find_option(name);
      if (option == nullptr) return usage_error(line_, "No such option: " + name);
      if (option->kind == Option::Kind::flag) {
        give(*option, "");
        continue;
      }
      if (i + 1 == word.size()) return next_value(*option, name);
      give(*option, word.substr(i + 1));
      return {};
    }
    return {};
  }

  Status unknown(const std::string& name) const {
    std::vector<std::string> known;
    for (const auto& option : line_.options) {
      for (const auto& spelling : option.spellings()) {
        if (spelling.starts_with("--")) known.push_back(spelling);
      }
    }
    auto near = close_matches(name, known);
    std::sort(near.begin(), near.end());
    std::string message = "No such option: " + name;
    if (near.size() == 1) message += fmt::format(" Did you mean {}?", near.front());
    if (near.size() > 1) message += fmt::format(" (Possible options: {})", fmt::join(near, ", "));
    return usage_error(line_, message);
  }

  Status missing(const Argument& argument) const {
    std::string message = fmt::format("Missing argument '{}'.", argument.display());
    if (!argument.choices.empty()) {
      message += " Choose from:\n";
      for (const auto& choice : argument.choices) {
        message += fmt::format("\t{}{}", choice, &choice == &argument.choices.back() ? "" : ",\n");
      }
    }
    return usage_error(line_, message);
  }

  const CommandLine& line_;
  const std::vector<std::string>& words_;
  std::size_t at_ = 0;
  std::vector<std::string> free_;
  std::vector<std::pair<const Option*, std::string>> given_;
  Arguments result_;
};

std::string option_heading(const Option& option) {
  if (option.kind == Option::Kind::flag) return option.names;
  if (option.kind == Option::Kind::choice) return fmt::format("{} [{}]", option.names, fmt::join(option.choices, "|"));
  return option.names + " " + option.metavar;
}

}  // namespace

std::vector<std::string> Option::spellings() const {
  std::vector<std::string> out;
  for (auto word : split_words(names)) {
    if (word.ends_with(',')) word.pop_back();
    out.push_back(word);
  }
  return out;
}

std::string Option::key() const {
  const auto all = spellings();
  for (const auto& name : all) {
    if (name.starts_with("--")) return name.substr(2);
  }
  return all.front().substr(1);
}

std::string Argument::display() const {
  if (!choices.empty()) return fmt::format("{{{}}}", fmt::join(choices, "|"));
  return many ? "[" + name + "]..." : required ? name : "[" + name + "]";
}

std::optional<std::string> Arguments::text(const std::string& key) const {
  const auto found = options_.find(key);
  return found == options_.end() ? std::nullopt : std::optional(found->second.back());
}

std::vector<std::string> Arguments::all(const std::string& key) const {
  const auto found = options_.find(key);
  return found == options_.end() ? std::vector<std::string>() : found->second;
}

std::optional<int> Arguments::integer(const std::string& key) const {
  const auto value = text(key);
  return value ? std::optional(std::stoi(*value)) : std::nullopt;
}

std::optional<double> Arguments::real(const std::string& key) const {
  const auto value = text(key);
  return value ? std::optional(std::stod(*value)) : std::nullopt;
}

const std::vector<std::string>& Arguments::positional(const std::string& name) const {
  static const std::vector<std::string> none;
  const auto found = positional_.find(name);
  return found == positional_.end() ? none : found->second;
}

std::string Arguments::first(const std::string& name) const {
  const auto& values = positional(name);
  return values.empty() ? std::string() : values.front();
}

Outcome<Arguments> parse(const CommandLine& line, const std::vector<std::string>& words, bool until_word,
                         std::vector<std::string>* rest) {
  Parser parser(line, words);
  if (const auto done = parser.scan(until_word); !done) return tl::unexpected(done.error());
  if (!parser.wants_help()) {
    if (const auto done = parser.check_values(); !done) return tl::unexpected(done.error());
    if (!until_word) {
      if (const auto done = parser.assign_positionals(); !done) return tl::unexpected(done.error());
    }
  }
  if (rest != nullptr) *rest = parser.remaining();
  return parser.take();
}

std::string usage_text(const CommandLine& line) {
  const std::string prefix = "Usage: " + line.path + " ";
  std::string words = "[OPTIONS]";
  for (const auto& argument : line.arguments) words += " " + argument.display();
  const std::size_t width = screen_width > prefix.size() ? screen_width - prefix.size() : 1;
  return prefix + wrap(words, width, std::string(prefix.size(), ' ')) + "\n";
}

std::string definition_list(const std::vector<std::pair<std::string, std::string>>& rows) {
  std::size_t widest = 0;
  for (const auto& [name, text] : rows) widest = std::max(widest, name.size());
  const std::size_t column = std::min(widest, longest_first_column) + 2;
  std::string out;
  for (const auto& [name, text] : rows) {
    out += "  " + name;
    const std::string indent(column + 2, ' ');
    out += name.size() <= column - 2 ? std::string(column - name.size(), ' ') : "\n" + indent;
    out += wrap(text, screen_width - column - 2, indent) + "\n";
  }
  return out;
}

std::string help_text(const CommandLine& line) {
  std::string out = usage_text(line);
  if (!line.summary.empty()) out += "\n  " + wrap(line.summary, screen_width - 2, "  ") + "\n";
  std::vector<std::pair<std::string, std::string>> rows;
  for (const auto& option : line.options) rows.emplace_back(option_heading(option), option.help);
  return out + "\nOptions:\n" + definition_list(rows);
}

std::string short_help(const std::string& summary, std::size_t longest) {
  const std::size_t limit = screen_width - 6 - longest;
  if (summary.size() <= limit) return summary;
  std::string out;
  for (const auto& word : split_words(summary)) {
    const std::string next = out.empty() ? word : out + " " + word;
    if (next.size() + 3 > limit) break;
    out = next;
  }
  return out + "...";
}

tl::unexpected<Stop> usage_error(const CommandLine& line, const std::string& message) {
  return tl::unexpected<Stop>(
      Stop{2, fmt::format("{}Try '{} --help' for help.\n\nError: {}\n", usage_text(line), line.path, message)});
}

}  // namespace regent::ctl
