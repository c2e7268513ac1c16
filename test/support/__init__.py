"""What the suite drives pgvouch with: servers, certificates, raw protocol."""
