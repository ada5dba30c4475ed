"""The ledger against its rules, written down once more in the plainest way."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.config.folder import Folder, service


class Document(NamedTuple):
    """A Service, with port 0 a wrong one; without a name, text that is no YAML."""

    name: str
    port: int

    @property
    def text(self) -> str:
        return service(self.name, self.port) if self.name else "}{\n---\n"


DOCUMENTS = st.one_of(
    st.builds(Document, st.sampled_from(["a", "b", "c"]), st.sampled_from([0, 80, 81])),
    st.just(Document("", 0)),
)


class Files(RuleBasedStateMachine):
    """Files written and removed, several at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Folder()
        self.claims: dict[str, dict[str, Document]] = {}
        self.in_force: dict[str, int] = {}

    @rule(changes=st.dictionaries(st.sampled_from(["x", "y", "z"]), st.none() | st.lists(DOCUMENTS, max_size=4)))
    def change(self, changes: dict[str, list[Document] | None]) -> None:
        self.folder.write(**{f: d if d is None else "".join(each.text for each in d) for f, d in changes.items()})
        for file, documents in changes.items():
            former = self.claims.pop(file, {})
            if documents is not None:
                self.claims[file] = self._claims(documents, former)
        for name in ("a", "b", "c"):
            self._decide(name)

    def _claims(self, documents: list[Document], former: dict[str, Document]) -> dict[str, Document]:
        claims: dict[str, Document] = {}
        for document in documents:
            if document.name:
                claims.setdefault(document.name, document)
        return {**former, **claims} if any(not document.name for document in documents) else claims

    def _decide(self, name: str) -> None:
        winners = [self.claims[file][name] for file in sorted(self.claims) if name in self.claims[file]]
        if not winners:
            self.in_force.pop(name, None)
        elif winners[0].port:
            self.in_force[name] = winners[0].port

    @invariant()
    def agrees(self) -> None:
        services = {each.name: each.ports[0].number for each in self.folder.mesh.services}
        assert services == self.in_force
        assert {key.name for key in self.folder.mesh.objects} == services.keys()


TestFiles = Files.TestCase
TestFiles.settings = settings(max_examples=60, stateful_step_count=10, deadline=None)
