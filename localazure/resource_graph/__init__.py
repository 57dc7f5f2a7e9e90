"""Azure Resource Graph: a small part of its query language, and the rows that it shows of what exists.

Source of the language's rules: Learn, "Understanding the Azure Resource Graph query language" and the Kusto reference.
"""
