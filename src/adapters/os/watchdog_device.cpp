#include "adapters/os/watchdog_device.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/watchdog.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <utility>

#include "adapters/os/files.h"
#include "adapters/os/unique_fd.h"
#include "base/log.h"
#include "model/config_value.h"

namespace regent {
namespace {

long whole_seconds(Duration duration) {
  return std::chrono::floor<std::chrono::seconds>(duration).count();
}

Result<UniqueFd> open_device(const std::string& path) {
  // A pipe that nobody reads is an error, not a reason to wait.
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  if (!fd.valid()) return system_error("open the watchdog device", path, errno);
  return fd;
}

Result<void> put(int fd, const std::string& path, std::string_view text) {
  const ssize_t count = ::write(fd, text.data(), text.size());
  if (count == static_cast<ssize_t>(text.size())) return {};
  return system_error("write to the watchdog device", path, count < 0 ? errno : ENOSPC);
}

class LinuxDriver final : public WatchdogDriver {
 public:
  explicit LinuxDriver(std::string path) : path_(std::move(path)) {}

  std::string describe() const override { return fmt::format("{} ({})", path_, identity_); }

  Result<void> open() override {
    auto fd = open_device(path_);
    if (!fd) return tl::unexpected(fd.error());
    fd_ = std::move(*fd);
    watchdog_info info{};
    if (ioctl(fd_.get(), WDIOC_GETSUPPORT, &info) == 0) {
      identity_ = reinterpret_cast<const char*>(info.identity);
      options_ = info.options;
    }
    return {};
  }

  Result<Duration> set_timeout(Duration timeout) override {
    auto seconds = static_cast<int>(whole_seconds(timeout));
    if ((options_ & WDIOF_SETTIMEOUT) != 0 && ioctl(fd_.get(), WDIOC_SETTIMEOUT, &seconds) != 0) {
      return system_error("set the timeout of", path_, errno);
    }
    if (ioctl(fd_.get(), WDIOC_GETTIMEOUT, &seconds) != 0) return system_error("read the timeout of", path_, errno);
    return std::chrono::seconds(seconds);
  }

  Result<void> keep_alive() override {
    if (ioctl(fd_.get(), WDIOC_KEEPALIVE, 0) == 0) return {};
    return put(fd_.get(), path_, "1");
  }

  Result<void> close() override {
    auto said = put(fd_.get(), path_, "V");
    fd_ = UniqueFd();
    return said;
  }

  bool can_be_disabled() const override { return (options_ & WDIOF_MAGICCLOSE) != 0; }

 private:
  std::string path_;
  std::string identity_ = "watchdog";
  unsigned options_ = 0;
  UniqueFd fd_;
};

class TestingDriver final : public WatchdogDriver {
 public:
  explicit TestingDriver(std::string path) : path_(std::move(path)) {}

  std::string describe() const override { return fmt::format("{} (testing)", path_); }
  Result<void> open() override {
    auto fd = open_device(path_);
    if (!fd) return tl::unexpected(fd.error());
    fd_ = std::move(*fd);
    return {};
  }
  Result<Duration> set_timeout(Duration timeout) override {
    if (auto said = put(fd_.get(), path_, fmt::format("Ctimeout={}\n", whole_seconds(timeout))); !said) {
      return tl::unexpected(said.error());
    }
    return timeout;
  }
  Result<void> keep_alive() override { return put(fd_.get(), path_, "1"); }
  Result<void> close() override {
    auto said = put(fd_.get(), path_, "V");
    fd_ = UniqueFd();
    return said;
  }
  bool can_be_disabled() const override { return true; }

 private:
  std::string path_;
  UniqueFd fd_;
};

FenceMode parse_mode(const Json& value) {
  if (const auto mode = parse_fence_mode(value)) return *mode;
  log::warning("watchdog.mode {} is not one of off, automatic, required; the watchdog stays off", to_compact(value));
  return FenceMode::off;
}

std::string capitalized(std::string text) {
  if (!text.empty()) text.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(text.front())));
  return text;
}

}  // namespace

WatchdogOptions parse_watchdog(const Json& section) {
  WatchdogOptions options;
  if (const Json* mode = value_of(section, "watchdog.mode")) options.mode = parse_mode(*mode);
  options.device = text_in(section, "watchdog.device");
  options.driver = text_in(section, "watchdog.driver");
  constexpr ConfigName margin = "watchdog.safety_margin";
  const Json* written = value_of(section, margin);
  const auto seconds = written == nullptr ? std::nullopt : scalar_integer(*written);
  if (written != nullptr && !(seconds && margin->allows(static_cast<double>(*seconds)))) {
    log::warning("watchdog.safety_margin {} is not a number{}; {} is used", to_compact(*written), margin->bounds(),
                 margin->standard);
  }
  options.safety_margin = std::chrono::seconds(static_cast<std::int64_t>(margin->number));
  if (seconds && margin->allows(static_cast<double>(*seconds))) options.safety_margin = std::chrono::seconds(*seconds);
  if (seconds == -1) options.safety_margin.reset();
  return options;
}

WatchdogDevice::WatchdogDevice(WatchdogOptions options) : options_(std::move(options)) {
  facts_.mode = options_.mode;
  facts_.safety_margin = options_.safety_margin;
}

WatchdogDevice::~WatchdogDevice() = default;

void WatchdogDevice::reconfigure(WatchdogOptions options) {
  if (options == options_) return;
  const bool same_device = options.device == options_.device && options.driver == options_.driver;
  if (!same_device || options.mode == FenceMode::off || !facts_.active()) close();
  options_ = std::move(options);
  facts_.mode = options_.mode;
  facts_.safety_margin = options_.safety_margin;
}

WatchdogFacts WatchdogDevice::facts() const {
  WatchdogFacts facts = facts_;
  if (facts.mode != FenceMode::off && facts.state == WatchdogFacts::State::closed) {
    facts.usable = ::access(options_.device.c_str(), W_OK) == 0;
    if (!facts.usable) facts.why = fmt::format("watchdog device {} is not usable", options_.device);
  }
  return facts;
}

void WatchdogDevice::give_up(std::string why) {
  const bool known = facts_.state == WatchdogFacts::State::failed && facts_.why == why;
  facts_.state = WatchdogFacts::State::failed;
  facts_.why = std::move(why);
  if (driver_) {
    driver_->close();
    driver_.reset();
  }
  if (known) return;
  if (facts_.mode == FenceMode::required) {
    log::error("Configuration requires watchdog, but watchdog could not be configured: {}", facts_.why);
  } else {
    log::debug("{}", capitalized(facts_.why));
  }
}

Result<void> WatchdogDevice::try_to_activate(const FenceOrder& order) {
  if (order.watchdog_slack < Duration::zero()) {
    return fail(ErrorKind::invalid, fmt::format("watchdog not supported: its timeout of {} s is shorter than loop_wait",
                                                whole_seconds(order.watchdog_timeout)));
  }
  if (!driver_) {
    if (options_.driver == "testing") {
      driver_ = std::make_unique<TestingDriver>(options_.device);
    } else {
      driver_ = std::make_unique<LinuxDriver>(options_.device);
    }
    if (auto opened = driver_->open(); !opened) {
      driver_.reset();
      return opened;
    }
    if (!driver_->can_be_disabled()) {
      log::warning("Watchdog implementation can't be disabled. Watchdog will trigger after this agent loses its lock.");
    }
  }
  const auto timeout = driver_->set_timeout(order.watchdog_timeout);
  if (!timeout) return tl::unexpected(timeout.error());
  if (*timeout > order.watchdog_timeout) {
    const auto sentence = fmt::format("watchdog timeout {} seconds does not ensure safe termination within {} seconds",
                                      whole_seconds(*timeout), whole_seconds(order.watchdog_timeout));
    if (facts_.mode == FenceMode::required) return fail(ErrorKind::failed, sentence);
    log::warning("{}", capitalized(sentence));
  }
  if (auto pinged = driver_->keep_alive(); !pinged) return pinged;
  log::info("{} activated with {} second timeout, timing slack {} seconds", driver_->describe(),
            whole_seconds(*timeout), whole_seconds(order.watchdog_slack));
  return {};
}

void WatchdogDevice::activate(const FenceOrder& order) {
  if (facts_.mode == FenceMode::off) return;
  if (facts_.active() && facts_.timeout == order.watchdog_timeout) return keep_alive();
  if (auto active = try_to_activate(order); !active) return give_up(active.error().message);
  facts_.state = WatchdogFacts::State::active;
  facts_.why.clear();
  facts_.timeout = order.watchdog_timeout;
}

void WatchdogDevice::keep_alive() {
  if (!driver_) return;
  if (auto said = driver_->keep_alive(); !said) give_up(said.error().message);
}

void WatchdogDevice::close() {
  if (driver_) {
    if (auto closed = driver_->close(); !closed) log::error("Error closing watchdog: {}", closed.error().message);
    driver_.reset();
  }
  facts_.state = WatchdogFacts::State::closed;
  facts_.why.clear();
}

}  // namespace regent
