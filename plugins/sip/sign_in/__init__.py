"""Who somebody is, and where they are reached: digest and registrations."""
