"""What a step may not do, tried by a real stage of a real run."""
