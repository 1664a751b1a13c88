"""The HTTP side: parse, call the workspace, respond."""
