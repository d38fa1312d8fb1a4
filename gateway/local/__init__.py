"""The local stack, `oddswire up`: every part of oddswire as a real process on one machine.

`settings` and `plan` decide, `restarts` judges deaths; `preflight`, `datadir`, `child`, `process`, `supervisor` and
`command` act. Nothing here imports feeds, fanout or bench: a part is a command line, so it runs the same anywhere.
"""
