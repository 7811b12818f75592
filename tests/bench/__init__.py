"""Benchmarks: always a ratio to a peer in one run, on the same server, agent and machine. Never asserted in a test."""
