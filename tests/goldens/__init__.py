"""Goldens: what each stage makes of small documents, as files. See CONTRIBUTING.md."""
