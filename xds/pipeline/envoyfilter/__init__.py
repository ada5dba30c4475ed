"""EnvoyFilters, applied to what the translators made of a proxy: encoded resources in, encoded resources out.

Nothing is decoded that is not looked at, and what no patch changes stays the same object. The order is Istio's: of a
listener first the patches of itself, then those of its listener filters, of each filter chain, of the network filters
in it and of their HTTP filters, and at last what is added; of routes the RouteConfiguration, its virtual hosts, their
routes, and what is added. Of one sort, patches apply in the order of the view.

- ``plan``: the patches of a view, sorted for this;
- ``match``: what a patch is for; ``edit``: lists of encoded messages, changed;
- ``listeners``, ``routes``, ``clusters``: what is done with each;
- ``check``: whether the result is something that Envoy can accept, and which patches are left out if it is not;
- ``outcome``: what came of it; ``nearest``: what a patch that found nothing may have meant.
"""
