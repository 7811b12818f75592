"""What the command line says and reads: output, keyboard, questions, signals. Knows neither sessions nor a core."""
