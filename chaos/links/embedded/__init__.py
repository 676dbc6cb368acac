"""The embedded proxy: Toxiproxy 2.12's HTTP API and toxics in one asyncio process, standard library only.

It is for machines where the Go binary cannot be had, and for what the Go binary cannot do: an RST leaves as RST and a
half-close as half-close, in both directions; randomness is seeded; `GET /connections` tells how every connection ended.
Everything that differs on purpose is listed, with reason and proof, in `tests/conformance/differences.py`.

The floors, lowest first; a lower one never imports a higher one:

    items           what travels along a link: Chunk, End; what a toxic may ask for: Receive, Sleep
    randomness      one seed, one independent source of random numbers per toxic and link
    toxics/         one toxic, one file; `toxics.named` finds one by its name
    setting         a toxic as configured on a proxy: name, stream, toxicity
    stub            one toxic at work on one link
    addresses, sockets  names and sockets as Go writes and opens them
    endpoint, hangup    one TCP socket: FIN told from RST, also while nobody reads
    link            one direction of a connection: a chain of stubs between two endpoints
    chain           the toxics of a proxy, and all links they apply to
    ledger, traffic how connections ended (served at /connections); how many bytes (/metrics)
    environment     what all proxies of a process share
    connection      a client, an upstream and the two links between them
    proxy, collection   a listener and its connections; all proxies by name
    golang/         JSON as Go reads and writes it
    http/           a small HTTP/1.1 server
    api/            Toxiproxy's routes
    server          everything together; `serve` runs it in a process of its own
    command         `python -m chaos proxy`
"""
