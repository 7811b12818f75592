"""The outside world, one library per package. Its exceptions end here and become Problems."""
