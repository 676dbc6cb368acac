"""JSON as Go's encoding/json reads and writes it, as far as Toxiproxy's API shows it.

Clients see it: keys match in any case, what follows the first value is ignored, `null` leaves a field alone, an error
message quotes the offending character. A Python decoder agrees with none of these.
"""
