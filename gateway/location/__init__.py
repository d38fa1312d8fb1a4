"""Where somebody is, exactly, before a transaction (DOMAIN.md section 2). Fails closed: no place, no money moved.

claims, keys, checks    the packet: read, verified, compared with who brings it        pure
atlas, geometry, zones  which state, how far to its border, what is cut out            pure
lifetime, placing       how long a place is worth something; all of it in order        pure
rules, leagues          what may be bet on from there                                  pure
receipts                what the device gets                                           pure
service, fixes, record  the shell: claims, the last fix, PostgreSQL
"""
