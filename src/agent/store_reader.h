// Reads of the store for readers beside the loop: whoever asks while one is under way shares the next one, so that
// there is never more than one, and what everybody sees is as young as the question. Threading: the control loop's
// thread.
#pragma once

#include <memory>
#include <vector>

#include "ports/control.h"
#include "ports/task.h"

namespace regent {

struct AgentState;

class StoreReader {
 public:
  // Answered when the snapshot board has a view that was read after this call, or none could be had.
  void ask(const std::shared_ptr<AgentState>& state, Reply<intent::ReadStore> reply);
  // Nothing more is read; who waits is told so.
  void close();

 private:
  static Task<void> read(std::shared_ptr<AgentState> state);

  std::vector<Reply<intent::ReadStore>> waiting_;
  bool reading_ = false;
};

}  // namespace regent
