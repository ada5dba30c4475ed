"""Measurements: how long a change takes from its text to the bytes of a response, and what a large mesh costs.

``python -m bench`` runs every case in a fresh process, prints a table and writes ``bench.json``. Times are CPU time of
that process, user and system, so that other work on the machine disturbs them little; the cases with many streams have
a server and its clients in processes of their own (`bench.fanout`), and say which of their times are the clock's. Each
case is one module of `bench.cases`; its docstring says what is measured.
"""
