"""A ClearML server over HTTP. ``wire`` speaks HTTP and signs in, ``documents`` reads and writes the API's documents,
``lookups`` finds out what beside tasks has to be known and remembers it, ``calls`` has the parts of
``boundary.server``, and ``server`` puts them together. ``payload`` makes a task's script of the remote program."""
