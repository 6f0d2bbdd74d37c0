"""What all collections share: columns, streams and the code that the RDs call."""
