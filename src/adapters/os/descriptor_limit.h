// How many files and sockets this process may have open. A crowd at the REST API must not keep the control loop from
// its own (F06); the programs it starts are given what it was given itself, because some of them go through all
// numbers. Threading: raise_descriptor_limit() once, before there are other threads. Errors: none; without it fewer
// clients fit.
#pragma once

#include <sys/resource.h>

namespace regent {

// As far as an administrator allows.
void raise_descriptor_limit();

// What a child is to have; null: as it is.
const rlimit* inherited_descriptor_limit();

}  // namespace regent
