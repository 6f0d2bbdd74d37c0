"""Coverage-guided fuzzing of the reader: ``make fuzz SECONDS=1800``."""
