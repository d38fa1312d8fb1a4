"""Everything goes wrong, by a seed, while everything is in use; then what must always hold is looked at.

`plan` says what goes wrong and when, `stack` is what it happens to, `laying` lets it happen. `load` uses the stack by
its addresses alone; `checkers/` read only the wire, the log and the database, and no rule's code of the product.
"""
