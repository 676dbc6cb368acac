"""Starting servers under test, with their proxy and their upstream, and ending all of it for certain."""
