"""The live smoke test: does Tether work in this subscription, and is Azure as Tether takes it to be?"""
