"""How AKS behaves: what a cluster looks like, and what making and deleting one does, step by step on Azure's clock."""
