"""Counts what the code looks like: files, functions, classes, imports and words. ``python -m tests.shape`` prints it;
``tests/test_shape.py`` holds the limits. Nothing of the product is imported: everything is read from syntax trees."""
