#include "adapters/os/guard_image.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "adapters/os/files.h"

// REGENT_GUARD_PROGRAM is the path of the finished program, given by the build. On pages of its own, so that they can
// be let go again.
asm(".section .rodata.regent_guard,\"a\",@progbits\n"
    ".balign 4096\n"
    ".global regent_guard_begin\n"
    "regent_guard_begin:\n"
    ".incbin \"" REGENT_GUARD_PROGRAM
    "\"\n"
    ".global regent_guard_end\n"
    "regent_guard_end:\n"
    ".balign 4096\n"
    ".previous\n");

extern "C" const char regent_guard_begin[];
extern "C" const char regent_guard_end[];

namespace regent {
namespace {

// Of kernels newer than our headers: without it a hardened system makes memory files that cannot be executed.
constexpr unsigned executable = 0x0010;

UniqueFd memory_program() {
  UniqueFd fd(memfd_create("regent-guard", MFD_CLOEXEC | executable));
  if (!fd.valid() && errno == EINVAL) fd = UniqueFd(memfd_create("regent-guard", MFD_CLOEXEC));
  return fd;
}

}  // namespace

Result<UniqueFd> guard_program() {
  UniqueFd file = memory_program();
  if (!file.valid()) return system_error("make a memory file for", "the guard", errno);
  const auto size = static_cast<std::size_t>(regent_guard_end - regent_guard_begin);
  for (std::size_t done = 0; done < size;) {
    const ssize_t count = write(file.get(), regent_guard_begin + done, size - done);
    if (count <= 0) return system_error("copy", "the guard", errno);
    done += static_cast<std::size_t>(count);
  }
  // Read once in the agent's life: not worth its memory.
  madvise(const_cast<char*>(regent_guard_begin), size, MADV_DONTNEED);
  return file;
}

}  // namespace regent
