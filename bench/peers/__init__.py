"""The programs that `bench/peers.py` measures beside clip-rs, and what measuring takes.

`protocol` is what they all speak; `with_*` are the peers; `prepare` makes what they load; `entrants` says who runs where;
`rounds` runs them in turns; `report` writes the tables and the plot.
"""
