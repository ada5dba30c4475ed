"""HTTP/1.1 for an agent that has little memory: h11 speaks it, asyncio's streams carry it. Does I/O.

What is read is bounded in size and time, and what is passed on is never held as a whole.
"""
