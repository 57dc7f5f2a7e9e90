"""`make bench`: what Tether's speed is, measured on this machine and beside what cannot be avoided."""
