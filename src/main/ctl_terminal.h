// The person's terminal: standard input and output, the pager, the editor, the clock on the wall.
#pragma once

#include <string>

#include "ctl/context.h"

namespace regent {

class RealTerminal : public ctl::Terminal {
 public:
  void out(const std::string& text) override;
  void err(const std::string& text) override;
  std::optional<std::string> read_line(bool hidden) override;
  std::string read_all() override;
  Result<std::string> read_file(const std::string& path) override;
  bool interactive() const override;
  void clear() override;
  void page(const std::string& text) override;
  Result<std::string> edit(const std::string& text, const std::string& name) override;
  void sleep(Duration time) override;
  WallTime now() override;
  std::chrono::minutes zone_offset(WallTime at) override;

 private:
  bool get(char& c);

  char input_[4096];
  std::size_t from_ = 0;
  std::size_t to_ = 0;
};

}  // namespace regent
