"""What wakes Tether: events, queue messages. Thin: parse, call, answer."""
