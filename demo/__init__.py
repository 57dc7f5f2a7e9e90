"""`make demo`: a private cluster in a spoke with custom DNS, first without Tether, then with it."""
