"""The outside world, one library per file. Foreign exceptions die here and become Problems."""
