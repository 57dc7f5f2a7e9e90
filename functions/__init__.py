"""Tether: keeps private AKS clusters resolvable and routable. Start reading at `reconcile.py`."""
