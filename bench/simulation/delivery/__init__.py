"""From the log to what a device shows: session, cohorts, scheduler, relay, client rule."""
