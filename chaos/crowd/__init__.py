"""The clients: faithful ones, many to a process, in worker processes of their own.

    plan, exchange         what a crowd is told (values that travel)
    dial                   a TCP connection begun and established
    tls                    what lies between that and a connection where the server speaks it
    handshake, connection  one WebSocket connection on websockets' Sans-I/O protocol; endings: how it ended
    conversation, session  one attempt and what follows: exchanges, what is heard and recorded
    numbered, ledger       messages that carry numbers: how, and what became of each; outgoing and incoming are its two
                           sides, tally what was wrong
    client, acts           one member of a crowd, and what it can do to a server
    traffic, histogram     what is counted
    crowd, connecting      a named crowd: modes of connecting, acts of all or some
    worker, lifeline       the process that holds crowds, and its end; clock: how late its loop is
    process, handle        the conductor's side; deadlines: how long its calls may take

Another kind of worker (say, one that opens tens of thousands of connections) is another module that serves the same
calls: the conductor's side only knows a `CrowdWorker` that can be called.
"""
