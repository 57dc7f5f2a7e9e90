"""The resource types of the local ARM: one file each, and what several have in common."""
