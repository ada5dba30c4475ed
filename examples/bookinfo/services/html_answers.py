"""The table that says which instance of which service answered: where the mesh has led this request. Pure."""

from __future__ import annotations

from html import escape

from examples.bookinfo.services.shapes import Details, Failure, Reviews

_TABLE = """<section id="answers"><h2>Who answered</h2>
<p>Reload the page, or sign in, and see where the mesh leads the request.</p>
<table>
<thead><tr><th scope="col">Service</th><th scope="col">Version</th><th scope="col">Instance</th></tr></thead>
<tbody>
{rows}
</tbody>
</table></section>"""

_RATINGS = {"off": "not asked: this version shows no stars", "ok": "asked for stars by reviews"}


def answers(instance: str, version: str, details: Details | Failure, reviews: Reviews | Failure) -> str:
    """One row for each service. instance, version: of productpage itself."""
    rows = [_row("productpage", version, instance), _neighbour("details", details), _neighbour("reviews", reviews)]
    if isinstance(reviews, Reviews):
        rows.append(_note("ratings", _RATINGS.get(reviews.ratings.status, "asked for stars by reviews, but failed")))
    return _TABLE.format(rows="\n".join(rows))


def _neighbour(service: str, answer: Details | Reviews | Failure) -> str:
    if isinstance(answer, Failure):
        return _note(service, f"failed: {answer.reason}")
    color = answer.star_color if isinstance(answer, Reviews) else None
    return _row(service, answer.version, answer.instance, color or "none", answer.caller)


def _row(service: str, version: str, instance: str, color: str = "none", caller: str | None = None) -> str:
    known = f"<br><small>asked, by mutual TLS, by {escape(caller)}</small>" if caller else ""
    return (
        f'<tr><th scope="row">{service}</th><td><span class="badge {color}">{escape(version)}</span></td>'
        f"<td>{escape(instance)}{known}</td></tr>"
    )


def _note(service: str, text: str) -> str:
    return f'<tr><th scope="row">{service}</th><td colspan="2">{text}</td></tr>'
