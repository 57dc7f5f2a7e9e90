"""The Functions host: what wakes an app's functions, around Microsoft's own Python worker library."""
