"""The answers of the sandbox's server: one file for each group of calls."""
