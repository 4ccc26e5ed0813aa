// Command lines: tables of options and arguments, one parser, help and error texts in the words scripts and people know
// from patronictl.
// Threading: pure. Errors: a Stop with the text for standard error; exit code 2 for wrong usage.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ctl/context.h"

namespace regent::ctl {

struct Option {
  enum class Kind { flag, text, integer, real, choice };

  std::string names;    // as help shows them: "-r, --role"
  std::string metavar;  // as help shows it; empty for flags and choices
  std::string help;
  Kind kind = Kind::text;
  std::vector<std::string> choices = {};
  bool short_first = false;  // order of the names in error texts

  // The first long name without its dashes, or the letter of a short one.
  std::string key() const;
  std::vector<std::string> spellings() const;
};

struct Argument {
  std::string name;  // CLUSTER_NAME
  bool required = false;
  bool many = false;
  std::vector<std::string> choices = {};

  std::string display() const;
};

struct CommandLine {
  std::string path;  // "regentctl list"
  std::string summary;
  std::vector<Option> options;
  std::vector<Argument> arguments;
};

// What the parser understood.
class Arguments {
 public:
  bool has(const std::string& key) const { return options_.contains(key); }
  std::optional<std::string> text(const std::string& key) const;  // the last one given
  std::vector<std::string> all(const std::string& key) const;
  std::optional<int> integer(const std::string& key) const;
  std::optional<double> real(const std::string& key) const;
  const std::vector<std::string>& positional(const std::string& name) const;
  // The first value of a positional argument, or empty.
  std::string first(const std::string& name) const;

  void add_option(const std::string& key, std::string value) { options_[key].push_back(std::move(value)); }
  void set_positional(const std::string& name, std::vector<std::string> values) {
    positional_[name] = std::move(values);
  }

 private:
  std::map<std::string, std::vector<std::string>> options_;
  std::map<std::string, std::vector<std::string>> positional_;
};

// `until_word`: stop at the first word that is no option and leave it and the rest in `rest` (global options).
Outcome<Arguments> parse(const CommandLine& line, const std::vector<std::string>& words, bool until_word = false,
                         std::vector<std::string>* rest = nullptr);

std::string usage_text(const CommandLine& line);
std::string help_text(const CommandLine& line);
// Rows of a definition list as help prints them.
std::string definition_list(const std::vector<std::pair<std::string, std::string>>& rows);
// A summary cut for a list of commands whose longest name has `longest` letters.
std::string short_help(const std::string& summary, std::size_t longest);

// Wrong usage: usage line, hint, sentence; exit code 2.
tl::unexpected<Stop> usage_error(const CommandLine& line, const std::string& message);

}  // namespace regent::ctl
