// What a process that mostly waits keeps in memory.
// Threading: any thread. Errors: none, it is a courtesy to the machine.
#pragma once

namespace regent {

// Gives back what was needed once and is not needed at rest: free heap, and the pages of programs and libraries that
// nobody has written to. Code that runs again comes back from the page cache, some microseconds later.
void release_unused_memory();

}  // namespace regent
