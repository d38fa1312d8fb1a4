"""Corrections: settlement again, as a job. Drafted, computed, approved by another, applied once, verified, told once.

policy (dated data) -> plan (of a user, pure) -> impact (frozen list) -> applying (user by user) -> verifying (recount)
"""
