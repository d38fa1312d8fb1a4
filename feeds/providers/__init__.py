"""One folder a provider: spec (their messages), parse (theirs to ours, pure), client (socket, poll, file)."""
