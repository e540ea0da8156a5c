"""Pages for people: templates and static files, no build step, nothing from elsewhere, no script needed."""
