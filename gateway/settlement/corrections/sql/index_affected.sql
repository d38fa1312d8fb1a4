-- They are read user by user.
CREATE INDEX affected_owner ON affected (owner, bet)
