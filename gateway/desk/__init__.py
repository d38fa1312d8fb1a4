"""The trading desk: what a trader may lay over the line, how it is written, shown and kept on a trail."""
