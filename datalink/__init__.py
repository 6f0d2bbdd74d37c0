"""What hangs behind a data set: its links and the bytes they lead to."""
