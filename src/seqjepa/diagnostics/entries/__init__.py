"""What is said of every metric, an entry each; a file a family of questions."""
