"""A ClearML server over HTTP. ``wire`` speaks HTTP and signs in, ``documents`` reads and writes the API's documents,
``lookups`` finds out what beside tasks has to be known and remembers it, ``calls`` has the parts of
``boundary.server``, and ``server`` puts them together. ``payload`` makes a task's script of the remote program."""

import sys

# httpx imports its own command line, which brings click and pygments: 2 MB that nothing here needs. With None that
# import fails, as httpx expects where those two are not installed.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # the types know modules only
