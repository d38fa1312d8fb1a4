"""The simulator: a slate of made-up games whose odds move as a sportsbook's would. Seeded, pure but for `client`."""
