"""checkov loads what it finds here."""
