// The table of rules: one exclusive question, "what is my part in this cluster now". First match wins.
#pragma once

#include <span>
#include <string_view>

#include "core/decision.h"
#include "core/situation.h"

namespace regent {

struct Rule {
  int number;                 // stable; sections of a hundred
  std::string_view name;      // snake_case, stable
  std::string_view when;      // the condition in words, for docs/rules.md
  std::string_view sentence;  // as logged; {} stands for a value
  std::string_view protects;  // invariants and faults, e.g. "I3, F02"
  bool (*matches)(const Situation&);
  // Fills in sentence, actions and memory of a decision whose memory starts as a copy of the old one.
  void (*apply)(const Situation&, Decision&);
};

struct Section {
  int first;
  std::string_view title;
  std::span<const Rule> rules;
};

// All sections in the order of evaluation.
std::span<const Section> rule_sections();

}  // namespace regent
