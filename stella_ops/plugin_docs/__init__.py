"""Documentation of modules and plug-ins as ansible-doc shows it: markup, pages, snippets, and what is where."""
