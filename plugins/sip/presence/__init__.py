"""What people publish and who is told: PUBLISH, SUBSCRIBE and NOTIFY."""
