"""What a user could take instead of a shard, each as a small server program; what is measured is the program alone."""
