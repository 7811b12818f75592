"""The real clearml-agent beside the sandbox's server."""
