"""What happens when processes are killed, files are damaged, and ports are taken."""
