"""What other packages may know of feeds: ids, market model, bus messages, subjects, the market book. Pure code."""
