"""The pages people use in a browser: thin routers that call the runtime and render `nexus/web`.

To add a page, make a module here with `router = page_router()` and routes under `/ui/NAME` that take a
`VisitorDep` and answer with `visitor.page("NAME.html", at="/ui/NAME", …)`, then name it in `routers.PAGES`
and, if it belongs into the navigation, in `visitor.PLACES`. Its template extends `layout.html`, shows what
others wrote through the filter `shown`, times through `when`, puts `{{ token_field }}` into each form, and
works without scripts; what only scripts can do is an ES module in `nexus/web/static`: the content security
policy forbids scripts and styles that stand in a page. A route that changes something is a POST that takes a
`FormDep` (fields, token checked) or an `UploadDep` (with files) and ends in `see_other(…)`; live changes come
by `live(…)`, and what begins a run by `talking(…)`, which asks an operator's handlers.
"""
