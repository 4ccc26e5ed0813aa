// The kernel's watchdog (/dev/watchdog, also softdog), and the testing driver, which writes what a device would be told
// to a named pipe: `Ctimeout=N` and a newline, `1` per sign of life, `V` on an orderly close.
// Threading: the control loop's thread; no call waits. Errors: facts and log lines.
#pragma once

#include <memory>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "ports/watchdog.h"

namespace regent {

struct WatchdogOptions {
  FenceMode mode = FenceMode::automatic;
  std::string device;
  std::string driver;                     // "default" or "testing"
  std::optional<Duration> safety_margin;  // nullopt: half the lease

  friend bool operator==(const WatchdogOptions&, const WatchdogOptions&) = default;
};

// The `watchdog` section of the local configuration. Words that mean nothing switch the watchdog off, with a warning.
WatchdogOptions parse_watchdog(const Json& section);

// One device, opened.
class WatchdogDriver {
 public:
  virtual ~WatchdogDriver() = default;  // leaves the device as it is: without close() it goes off

  virtual std::string describe() const = 0;
  virtual Result<void> open() = 0;
  // Returns what the device made of it, in whole seconds.
  virtual Result<Duration> set_timeout(Duration timeout) = 0;
  virtual Result<void> keep_alive() = 0;
  virtual Result<void> close() = 0;
  // An orderly close stops it. A device built otherwise goes off after the agent has ended.
  virtual bool can_be_disabled() const = 0;
};

class WatchdogDevice final : public Watchdog {
 public:
  explicit WatchdogDevice(WatchdogOptions options);
  ~WatchdogDevice() override;

  // The configuration was read again. A device that is open stays so while it is the same one.
  void reconfigure(WatchdogOptions options);

  WatchdogFacts facts() const override;
  void activate(const FenceOrder& order) override;
  void keep_alive() override;
  void close() override;

 private:
  Result<void> try_to_activate(const FenceOrder& order);
  void give_up(std::string why);

  WatchdogOptions options_;
  WatchdogFacts facts_;
  std::unique_ptr<WatchdogDriver> driver_;  // while the device is open
};

}  // namespace regent
