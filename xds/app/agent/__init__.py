"""``pilothouse agent``, in two lives of one process.

The first reads the command line, writes Envoy's bootstrap and finds out what cannot work. That takes large
modules (Envoy's messages, the command line's own); so it then becomes the second (``execve``), which has none of them,
and stays below 60 MB for as long as the workload runs.
"""
