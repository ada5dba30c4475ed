"""Whatever tests make is gone after them, also when a run fails, is interrupted or is killed.

Every run marks its processes by a variable of their environment, and has a folder of its own for temporary files. At
its end nothing of that may be left (`session`), and a warden beside it (`warden`) clears up after one that is killed.
"""
