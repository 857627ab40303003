"""What the end-to-end tests share: a daemon under test, HTTP by hand, the Docker engine, waiting."""
