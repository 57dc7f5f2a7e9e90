"""How Tether speaks to Azure Resource Manager."""
