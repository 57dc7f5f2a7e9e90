"""What Tether remembers."""
