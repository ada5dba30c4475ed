"""Documents to model: what users wrote becomes values the rest of the product can trust. Pure: no I/O, no clock.

The stages, each in its own module:

- ``yaml``: text to :class:`~xds.config.document.RawObject`, one broken document never harming its neighbours;
- ``schema``: structural validation against the fields, types and bounds of each kind, and what is not honoured yet;
- ``reader``: typed access for the parsers in ``kinds``, which add what a schema cannot say;
- ``scalars``: durations, percentages, ports, addresses and host names;
- ``interpret``: one document to one object, by way of its schema and its kind's parser;
- ``ledger``: which objects are in force: duplicates, deletions, and the last good version of what is wrong now;
- ``build``: the fold of the objects in force into a :class:`~xds.model.mesh.Mesh`, incremental (``fold_*``);
- ``configuration``: all of it in one value, which is what the rest of the product uses.

Everything that is wrong with a document is returned as :class:`~xds.model.diagnostic.Diagnostic` values with file,
line, path and reason; nothing here raises for what a user wrote. Untyped values end in this package: what leaves it
is the frozen types of ``xds.model``.
"""
