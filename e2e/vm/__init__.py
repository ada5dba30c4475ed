"""A machine that joins as docs/vm.md says: by its own units, commands and modes of files, in a namespace of its own."""
