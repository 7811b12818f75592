"""The sandbox's server as a web application."""
