"""What is deployed: build/tether.zip, and the folder that it is a copy of. See docs/decisions/0009."""
