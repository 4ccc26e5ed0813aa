#include "base/log_line.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

namespace regent::log {
namespace {

constexpr auto at = std::chrono::system_clock::time_point(std::chrono::milliseconds(1724866766352));

std::string line(const LineForm& form, Level level = Level::warning) {
  ::setenv("TZ", "UTC", 1);
  ::tzset();
  return print_line(form, at, level, "no \"lock\"");
}

LineForm plain(std::string format) {
  LineForm form;
  form.format = std::move(format);
  return form;
}

TEST(LogLine, StandsAsPatroniWritesIt) {
  EXPECT_EQ(line({}), "2024-08-28 17:39:26,352 WARNING: no \"lock\"\n");
}

TEST(LogLine, TakesPythonsFormats) {
  EXPECT_EQ(line(plain("[%(levelname)-8s] %(levelname)8s %(msecs)06d %(levelno)s %(message)s %%(x)")),
            "[WARNING ]  WARNING 000352 30 no \"lock\" %(x)\n");
  EXPECT_EQ(line(plain("%(name)s[%(process)d]")), fmt::format("regent[{}]\n", ::getpid()));
  LineForm form = plain("%(asctime)s");
  form.date_format = "%d.%m.%Y %H:%M";
  EXPECT_EQ(line(form), "28.08.2024 17:39\n");
}

// Who cannot be asked any more, since it is the log that says so, sees what was wrong.
TEST(LogLine, LeavesStandingWhatItDoesNotKnow) {
  EXPECT_EQ(line(plain("%(nosuch)s %(message %")), "%(nosuch)s %(message %\n");
}

TEST(LogLine, JsonHasTheFieldsThatAreAskedFor) {
  LineForm form;
  form.json = true;
  EXPECT_EQ(
      line(form),
      "{\"asctime\": \"2024-08-28 17:39:26,352\", \"levelname\": \"WARNING\", \"message\": \"no \\\"lock\\\"\"}\n");
  form.fields = {{"levelname", "severity"}, {"message", "message"}};
  form.static_fields = Json{{"app", "regent"}, {"shard", 3}};
  EXPECT_EQ(line(form),
            "{\"severity\": \"WARNING\", \"message\": \"no \\\"lock\\\"\", \"app\": \"regent\", \"shard\": 3}\n");
}

TEST(LogLine, SaysWhatIsWrongInAFormat) {
  EXPECT_EQ(attributes_of("%(asctime)s %(levelname)-8s %%").value(),
            (std::vector<std::string>{"asctime", "levelname"}));
  EXPECT_EQ(attributes_of("%(nosuch)s").error().message, "names nosuch, which lines here do not have");
  EXPECT_EQ(attributes_of("%(message)").error().message, "cannot be understood at \"%(message)\"");
  EXPECT_EQ(attributes_of("100%").error().message, "cannot be understood at \"%\"");
}

}  // namespace
}  // namespace regent::log
