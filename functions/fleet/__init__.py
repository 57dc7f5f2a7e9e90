"""What is true now: the facts of a cluster, and how they are read."""
