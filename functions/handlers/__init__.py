"""What Tether mends, one concern a file. Each decides purely and applies one change at a time."""
