"""What a file makes of pictures: read as a classifier, given prepared pictures, and its output made probabilities."""
