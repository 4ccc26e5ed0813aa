#include "base/yaml.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

namespace regent {
namespace {

// Aliases let a few lines stand for billions of nodes; no configuration comes near this.
constexpr std::size_t node_limit = 100'000;

constexpr std::string_view tag_prefix = "tag:yaml.org,2002:";

bool all_of(std::string_view text, std::string_view set) {
  return text.find_first_not_of(set) == std::string_view::npos;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string without_underscores(std::string_view text) {
  std::string out(text);
  std::erase(out, '_');
  return out;
}

// Integers wider than 64 bits become floats, as they do in JSON.
std::optional<Json> make_int(bool negative, std::string_view digits, int base) {
  const std::string clean = without_underscores(digits);
  std::uint64_t magnitude = 0;
  const auto* end = clean.data() + clean.size();
  const auto [stop, error] = std::from_chars(clean.data(), end, magnitude, base);
  if (stop != end || clean.empty()) return std::nullopt;
  constexpr auto widest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (error == std::errc() && magnitude <= widest) {
    const auto value = static_cast<std::int64_t>(magnitude);
    return Json(negative ? -value : value);
  }
  if (error == std::errc() && !negative) return Json(magnitude);
  if (error == std::errc() && magnitude == widest + 1) return Json(std::numeric_limits<std::int64_t>::min());
  double value = 0;
  if (base == 10) {
    std::from_chars(clean.data(), end, value);
    return Json(negative ? -value : value);
  }
  for (const char c : clean) {
    int digit = 0;
    std::from_chars(&c, &c + 1, digit, base);
    value = value * base + digit;
  }
  return Json(negative ? -value : value);
}

// The parts of "1:30:00" after the first: [0-5]?[0-9] each. Returns the whole number, nullopt when it is none.
std::optional<double> sexagesimal(std::string_view text) {
  auto colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  double value = 0;
  std::from_chars(text.data(), text.data() + colon, value);
  while (colon != std::string_view::npos) {
    const auto next = text.find(':', colon + 1);
    const auto part = text.substr(colon + 1, next == std::string_view::npos ? next : next - colon - 1);
    if (part.empty() || part.size() > 2 || !all_of(part, "0123456789")) return std::nullopt;
    if (part.size() == 2 && part.front() > '5') return std::nullopt;
    int digit = 0;
    std::from_chars(part.data(), part.data() + part.size(), digit);
    value = value * 60 + digit;
    colon = next;
  }
  return value;
}

struct Signed {
  bool negative = false;
  bool sign = false;
  std::string_view body;
};

Signed split_sign(std::string_view text) {
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) return {text.front() == '-', true, text.substr(1)};
  return {false, false, text};
}

std::optional<Json> as_int(std::string_view text) {
  const auto [negative, sign, body] = split_sign(text);
  if (body.empty() || !is_digit(body.front())) return std::nullopt;
  if (body == "0") return Json(0);
  if (body.front() == '0') {
    const auto rest = body.substr(1);
    if (rest.front() == 'b')
      return all_of(rest.substr(1), "01_") ? make_int(negative, rest.substr(1), 2) : std::nullopt;
    if (rest.front() == 'x')
      return all_of(rest.substr(1), "0123456789abcdefABCDEF_") ? make_int(negative, rest.substr(1), 16) : std::nullopt;
    return all_of(rest, "01234567_") ? make_int(negative, body, 8) : std::nullopt;
  }
  if (all_of(body, "0123456789_")) return make_int(negative, body, 10);
  const auto colon = body.find(':');
  if (colon == std::string_view::npos || !all_of(body.substr(0, colon), "0123456789_")) return std::nullopt;
  const std::string clean = without_underscores(body.substr(0, colon)) + std::string(body.substr(colon));
  const auto value = sexagesimal(clean);
  if (!value || *value > 1e15) return std::nullopt;
  const auto whole = static_cast<std::int64_t>(*value);
  return Json(negative ? -whole : whole);
}

std::optional<Json> as_float(std::string_view text) {
  const auto [negative, sign, body] = split_sign(text);
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (body == ".inf" || body == ".Inf" || body == ".INF") return Json(negative ? -infinity : infinity);
  if (text == ".nan" || text == ".NaN" || text == ".NAN") return Json(std::numeric_limits<double>::quiet_NaN());
  const auto dot = body.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto head = body.substr(0, dot);
  auto tail = body.substr(dot + 1);
  double value = 0;
  if (head.find(':') != std::string_view::npos) {
    const auto colon = head.find(':');
    if (colon == 0 || !is_digit(head.front()) || !all_of(head.substr(0, colon), "0123456789_")) return std::nullopt;
    if (!all_of(tail, "0123456789_")) return std::nullopt;
    const auto whole = sexagesimal(without_underscores(head));
    if (!whole) return std::nullopt;
    const std::string fraction = "0." + without_underscores(tail) + "0";
    std::from_chars(fraction.data(), fraction.data() + fraction.size(), value);
    value += *whole;
    return Json(negative ? -value : value);
  }
  // Without digits before the point a sign makes it a string, and the first one after it must be a digit.
  if (head.empty() && (sign || tail.empty() || !is_digit(tail.front()))) return std::nullopt;
  if (!head.empty() && (!is_digit(head.front()) || !all_of(head, "0123456789_"))) return std::nullopt;
  const auto exponent = tail.find_first_of("eE");
  if (exponent != std::string_view::npos) {
    // The exponent must carry a sign: 1.5e3 is a string in YAML 1.1.
    const auto power = tail.substr(exponent + 1);
    if (power.size() < 2 || (power.front() != '-' && power.front() != '+') || !all_of(power.substr(1), "0123456789"))
      return std::nullopt;
  }
  if (!all_of(tail.substr(0, exponent), "0123456789_")) return std::nullopt;
  const std::string clean = "0" + without_underscores(body);
  const auto [stop, error] = std::from_chars(clean.data(), clean.data() + clean.size(), value);
  if (error == std::errc::result_out_of_range) value = clean.find("e-") == std::string::npos ? infinity : 0;
  return Json(negative ? -value : value);
}

std::optional<bool> as_bool(std::string_view text) {
  constexpr std::array yes{"yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"};
  constexpr std::array no{"no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"};
  if (std::find(yes.begin(), yes.end(), text) != yes.end()) return true;
  if (std::find(no.begin(), no.end(), text) != no.end()) return false;
  return std::nullopt;
}

bool is_null(std::string_view text) {
  return text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL";
}

// One finished node. Keys and merges need to know how a scalar was written.
struct Piece {
  Json value;
  std::string text;  // scalars as written
  bool scalar = false;
  bool plain = false;  // a scalar without quotes or tag
  std::size_t weight = 1;
};

struct Frame {
  bool mapping = false;
  Json value;
  YAML::Mark mark;
  YAML::anchor_t anchor = 0;
  std::size_t weight = 1;
  std::optional<std::string> key;
  bool merging = false;  // the key is `<<`
  std::vector<Json> merges;
};

// Builds JSON from yaml-cpp's events; the node graph of its own would follow alias cycles and lose the writing of keys.
class Builder : public YAML::EventHandler {
 public:
  Json take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    finish(mark, anchor, Piece{nullptr, "null", true, true});
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) throw YAML::ParserException(mark, "an alias refers to the node it stands in");
    finish(mark, 0, found->second);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    finish(mark, anchor, Piece{resolve(mark, tag, value), value, true, tag == "?"});
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    check_collection_tag(mark, tag, {"seq", "omap", "pairs"});
    push(mark, anchor, false);
  }
  void OnSequenceEnd() override { pop(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    check_collection_tag(mark, tag, {"map", "set"});
    push(mark, anchor, true);
  }
  void OnMapEnd() override { pop(); }

 private:
  static Json resolve(const YAML::Mark& mark, const std::string& tag, const std::string& value) {
    if (tag == "?" || tag.empty()) return resolve_plain_scalar(value);
    if (tag == "!") return value;
    const std::string_view name = tag;
    if (name.substr(0, tag_prefix.size()) != tag_prefix)
      throw YAML::ParserException(mark, fmt::format("unknown tag {}", tag));
    const auto type = name.substr(tag_prefix.size());
    if (type == "str" || type == "timestamp") return value;
    if (type == "null") return nullptr;
    std::optional<Json> result;
    if (type == "int") result = as_int(value);
    if (type == "float") {
      result = as_float(value);
      if (!result) result = as_int(value);
      if (result) result = result->get<double>();
    }
    if (type == "bool") {
      if (const auto flag = as_bool(value)) result = Json(*flag);
    }
    if (!result && type != "int" && type != "float" && type != "bool")
      throw YAML::ParserException(mark, fmt::format("unknown tag !!{}", type));
    if (!result) throw YAML::ParserException(mark, fmt::format("\"{}\" is no value of type !!{}", value, type));
    return *result;
  }

  static void check_collection_tag(const YAML::Mark& mark, const std::string& tag,
                                   std::initializer_list<std::string_view> known) {
    if (tag.empty() || tag == "?" || tag == "!") return;
    for (const auto name : known)
      if (tag == fmt::format("{}{}", tag_prefix, name)) return;
    throw YAML::ParserException(mark, fmt::format("unknown tag {}", tag));
  }

  void push(const YAML::Mark& mark, YAML::anchor_t anchor, bool mapping) {
    Frame frame;
    frame.mapping = mapping;
    frame.value = mapping ? Json::object() : Json::array();
    frame.mark = mark;
    frame.anchor = anchor;
    stack_.push_back(std::move(frame));
  }

  void pop() {
    Frame frame = std::move(stack_.back());
    stack_.pop_back();
    if (!frame.merges.empty()) {
      Json merged = Json::object();
      for (const auto& source : frame.merges)
        for (const auto& [key, value] : source.items()) merged[key] = value;
      for (const auto& [key, value] : frame.value.items()) merged[key] = value;
      frame.value = std::move(merged);
    }
    finish(frame.mark, frame.anchor, Piece{std::move(frame.value), "", false, false, frame.weight});
  }

  void finish(const YAML::Mark& mark, YAML::anchor_t anchor, Piece piece) {
    if (anchor != 0) anchors_[anchor] = piece;
    nodes_ += piece.weight;
    if (nodes_ > node_limit) throw YAML::ParserException(mark, "the document is too large");
    if (stack_.empty()) {
      root_ = std::move(piece.value);
      return;
    }
    Frame& parent = stack_.back();
    parent.weight += piece.weight;
    if (!parent.mapping) {
      parent.value.push_back(std::move(piece.value));
    } else if (!parent.key) {
      if (!piece.scalar) throw YAML::ParserException(mark, "a list or mapping cannot be a key");
      parent.merging = piece.plain && piece.text == "<<";
      parent.key = std::move(piece.text);
    } else {
      const std::string key = std::move(*parent.key);
      parent.key.reset();
      if (parent.merging) {
        add_merge(mark, parent, piece.value);
      } else {
        parent.value[key] = std::move(piece.value);
      }
    }
  }

  static void add_merge(const YAML::Mark& mark, Frame& frame, const Json& source) {
    const auto refuse = [&] { throw YAML::ParserException(mark, "`<<` merges a mapping or a list of mappings only"); };
    if (source.is_object()) {
      frame.merges.push_back(source);
    } else if (source.is_array()) {
      // Earlier mappings of the list win, so they come last.
      for (auto item = source.rbegin(); item != source.rend(); ++item) {
        if (!item->is_object()) refuse();
        frame.merges.push_back(*item);
      }
    } else {
      refuse();
    }
  }

  Json root_;
  std::vector<Frame> stack_;
  std::map<YAML::anchor_t, Piece> anchors_;
  std::size_t nodes_ = 0;
};

// yaml-cpp names its own state where a person wants to know what to change.
std::string_view in_words(std::string_view message) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 8> words{{
      {"illegal map value", "a colon is not expected here; text that holds one needs quotes"},
      {"illegal block entry", "a list item is not expected here"},
      {"unknown token", "this character cannot start a value; put the text in quotes"},
      {"end of sequence flow not found", "a `[` is not closed"},
      {"end of map flow not found", "a `{` is not closed"},
      {"end of map not found", "the indentation does not fit, or `key: value` is expected here"},
      {"end of sequence not found", "the indentation does not fit, or a list item is expected here"},
      {"illegal EOF in scalar", "a quote is not closed"},
  }};
  for (const auto& [theirs, ours] : words)
    if (message == theirs) return ours;
  return message;
}

}  // namespace

Json resolve_plain_scalar(std::string_view text) {
  if (is_null(text)) return nullptr;
  if (const auto flag = as_bool(text)) return *flag;
  if (auto number = as_int(text)) return *number;
  if (auto number = as_float(text)) return *number;
  return std::string(text);
}

Result<Json> parse_yaml(std::string_view text, std::string_view where) {
  try {
    std::istringstream input{std::string(text)};
    YAML::Parser parser(input);
    Builder builder;
    if (!parser.HandleNextDocument(builder)) return Json();
    Builder rest;
    if (parser.HandleNextDocument(rest))
      return fail(ErrorKind::invalid, fmt::format("{} is not valid YAML: it holds more than one document", where));
    return builder.take();
  } catch (const YAML::Exception& error) {
    if (error.mark.is_null())
      return fail(ErrorKind::invalid, fmt::format("{} is not valid YAML: {}", where, in_words(error.msg)));
    return fail(ErrorKind::invalid, fmt::format("{} is not valid YAML at line {}, column {}: {}", where,
                                                error.mark.line + 1, error.mark.column + 1, in_words(error.msg)));
  }
}

}  // namespace regent
