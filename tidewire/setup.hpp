// tidewire setup: what makes a database ready for a stream, printed or done.
#pragma once

#include "tidewire/options.hpp"

namespace tidewire {

/// Prints the plan as SQL, or what became of it, to stdout; a new role's password once, there only. Gives the
/// exit code: 0 nothing is left to do, 3 a person must do something, 1 a retry may help. Throws failure.
int run_setup(const setup_options& options);

}  // namespace tidewire
