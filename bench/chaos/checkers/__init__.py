"""What must always hold (DOMAIN.md section 5), looked at from outside: by the wire, the log and the database alone.

No checker imports the product's rules, its SQL or its own verification. `registry` says which rule is looked at by
whom.
"""
