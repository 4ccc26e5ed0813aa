// Keeps docs/rest.md equal to the table of routes.
#include "rest/routes.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

namespace regent::rest {
namespace {

std::string_view access_word(Route::Access access) {
  constexpr std::string_view words[] = {"everybody", "credentials", "members"};
  return words[static_cast<std::size_t>(access)];
}

std::string_view body_word(const Route& route) {
  constexpr std::string_view words[] = {"", "an object or nothing", "an object", "an object"};
  return words[static_cast<std::size_t>(route.body)];
}

std::string_view look_word(Route::Look look) {
  constexpr std::string_view words[] = {"the last cycle", "the store, read for it", "100 ms",
                                        "server and store, looked at for it", "server and store, looked at for it"};
  return words[static_cast<std::size_t>(look)];
}

std::string document() {
  std::ostringstream out;
  out << "# The REST API\n\n"
         "Printed from the table of routes (src/rest/routes.cpp); `./run golden` rewrites it.\n\n"
         "*Who* may ask: everybody; who passes `restapi.authentication`, `allowlist` and `verify_client`, as far as "
         "they "
         "are\nconfigured (credentials); or, where they are not, whoever asks from the address of a member (members). "
         "*Age*: how\nold what is told may be.\n\n"
         "| request | who | body | age | since | what |\n|---|---|---|---|---|---|\n";
  for (const Route& route : routes()) {
    out << "| `" << route.method << " /" << (route.endpoint == "*" ? "…" : route.endpoint) << "` | "
        << access_word(route.access) << " | " << body_word(route) << " | " << look_word(route.look) << " | "
        << route.since << " | " << route.help << " |\n";
  }
  out << "\n*Since*: the generation of Patroni that has it first, where not all have; *Regent*: none has.\n";
  return out.str();
}

TEST(Routes, DocumentIsCurrent) {
  const std::string path = REGENT_SOURCE_DIR "/docs/rest.md";
  if (std::getenv("REGENT_REWRITE_GOLDEN") != nullptr) std::ofstream(path) << document();
  std::ostringstream there;
  there << std::ifstream(path).rdbuf();
  EXPECT_EQ(there.str(), document()) << "run `./run golden` to rewrite docs/rest.md";
}

TEST(Routes, EachIsThereOnceAndIsFound) {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  for (const Route& route : routes()) {
    EXPECT_TRUE(seen.emplace(route.method, route.endpoint).second) << route.method << " " << route.endpoint;
    if (route.endpoint != "*") {
      EXPECT_EQ(find_route(route.method, parse_target("/" + std::string(route.endpoint))), &route);
    }
  }
}

// What anybody may ask changes nothing.
TEST(Routes, WhatChangesSomethingIsProtected) {
  for (const Route& route : routes()) {
    const bool reads = route.method == "GET" || route.method == "HEAD" || route.method == "OPTIONS";
    EXPECT_EQ(route.access == Route::Access::open, reads) << route.method << " " << route.endpoint;
    if (reads) {
      EXPECT_EQ(route.body, BodyKind::none) << route.endpoint;
    }
  }
}

}  // namespace
}  // namespace regent::rest
