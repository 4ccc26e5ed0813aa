#include "base/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace regent {
namespace {

// Python's json.dumps(ensure_ascii=True) is what peers write, so it is what we write.
std::string dump_scalar(const Json& value) {
  return value.dump(-1, ' ', true, Json::error_handler_t::replace);
}

// Nearly all strings are plain; what dump() prepares to print one costs more than the rest of a document.
void print_string(const std::string& text, std::string& out) {
  const bool plain =
      std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; });
  if (!plain) {
    out += dump_scalar(text);
    return;
  }
  out += '"';
  out += text;
  out += '"';
}

void print_scalar(const Json& value, std::string& out) {
  if (value.is_string()) {
    print_string(value.get_ref<const std::string&>(), out);
  } else if (value.is_number_unsigned()) {
    fmt::format_to(std::back_inserter(out), "{}", value.get<std::uint64_t>());
  } else if (value.is_number_integer()) {
    fmt::format_to(std::back_inserter(out), "{}", value.get<std::int64_t>());
  } else {
    out += dump_scalar(value);
  }
}

void print(const Json& value, std::string_view comma, std::string_view colon, std::string& out) {
  if (value.is_object()) {
    out += '{';
    bool first = true;
    for (const auto& [key, item] : value.items()) {
      if (!first) out += comma;
      first = false;
      print_string(key, out);
      out += colon;
      print(item, comma, colon, out);
    }
    out += '}';
  } else if (value.is_array()) {
    out += '[';
    bool first = true;
    for (const auto& item : value) {
      if (!first) out += comma;
      first = false;
      print(item, comma, colon, out);
    }
    out += ']';
  } else {
    print_scalar(value, out);
  }
}

// Whoever prints or walks a document goes as deep as it is, and so does his stack.
constexpr int deepest = 100;

bool too_deep(std::string_view text) {
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      if (c == '"') quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '[' || c == '{') {
      if (++depth > deepest) return true;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return false;
}

}  // namespace

std::string to_compact(const Json& value) {
  std::string out;
  print(value, ",", ":", out);
  return out;
}

std::string to_spaced(const Json& value) {
  std::string out;
  print(value, ", ", ": ", out);
  return out;
}

Result<Json> parse_json(std::string_view text, std::string_view where) {
  if (too_deep(text)) {
    return fail(ErrorKind::invalid, fmt::format("{} is nested more than {} levels deep", where, deepest));
  }
  try {
    return Json::parse(text);
  } catch (const Json::exception& error) {
    return fail(ErrorKind::invalid, fmt::format("{} is not valid JSON: {}", where, error.what()));
  }
}

bool merge_patch(Json& document, const Json& patch) {
  bool changed = false;
  for (const auto& [key, value] : patch.items()) {
    const auto found = document.find(key);
    if (found == document.end()) {
      if (value.is_null()) continue;
      document[key] = value;
      changed = true;
    } else if (value.is_null()) {
      document.erase(found);
      changed = true;
    } else if (value.is_object() && found->is_object()) {
      changed = merge_patch(*found, value) || changed;
    } else if (*found != value) {
      *found = value;
      changed = true;
    }
  }
  return changed;
}

const Json* find(const Json& value, std::string_view key) {
  if (!value.is_object()) return nullptr;
  const auto found = value.find(key);
  return found == value.end() || found->is_null() ? nullptr : &*found;
}

}  // namespace regent
