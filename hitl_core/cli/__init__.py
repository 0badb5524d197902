"""The command line, `hitl`: one module per group of commands; heavy packages load inside the commands."""
