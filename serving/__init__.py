"""What DaCHS's processes do when several of them serve one instance behind a proxy."""
