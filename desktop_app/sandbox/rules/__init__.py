"""What every request to the sandbox's server has to obey, and the data that it works on."""
